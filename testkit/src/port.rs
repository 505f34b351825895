//! Free ports on 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port for a server that another process will run.
pub(crate) struct LoopbackPort {
    number: u16,
    _reservation: Option<TcpSocket>,
}

impl LoopbackPort {
    /// A port that stays ours for as long as this value lives, also while the server is down.
    ///
    /// The socket is bound but never listens: clients are refused, nobody else is given the port, and Linux lets
    /// another socket with `SO_REUSEADDR`, such as the server's, listen on it. Other systems refuse the server the
    /// port; use [`LoopbackPort::unreserved`] there.
    pub(crate) fn reserved() -> Self {
        let socket = TcpSocket::new_v4().expect("open a TCP socket");
        socket.set_reuseaddr(true).expect("set SO_REUSEADDR");
        socket
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .expect("bind a free port on 127.0.0.1");
        let number = socket
            .local_addr()
            .expect("the bound socket has an address")
            .port();
        Self {
            number,
            _reservation: Some(socket),
        }
    }

    /// A port that was free a moment ago: another process may take it before the server does.
    pub(crate) fn unreserved() -> Self {
        let Self { number, .. } = Self::reserved();
        Self {
            number,
            _reservation: None,
        }
    }

    /// A second one, of the same kind.
    pub(crate) fn another(&self) -> Self {
        match self._reservation {
            Some(_) => Self::reserved(),
            None => Self::unreserved(),
        }
    }

    #[cfg(test)]
    pub(crate) fn unreserved_at(number: u16) -> Self {
        Self {
            number,
            _reservation: None,
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
