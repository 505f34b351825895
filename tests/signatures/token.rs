//! A token that says itself how long it is good for.

use std::time::Duration;

use larder::{Cache, Clock, cache_read, cache_write};
use serde::{Deserialize, Serialize};

use crate::Calls;

/// As the answer of an authorization server is decoded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessToken {
    access_token: String,
    token_type: String,
    expires_in: u64,
}

impl AccessToken {
    /// A little before the server forgets it.
    fn is_good_for(&self) -> Duration {
        Duration::from_secs(self.expires_in.saturating_sub(30))
    }
}

#[derive(Debug, Default)]
pub(crate) struct AuthClient {
    client_id: String,
    requests: Calls,
}

impl AuthClient {
    #[cache_read(key = "token:{self.client_id}:{scopes:join}", tags = ["token:{self.client_id}"], ttl_of = AccessToken::is_good_for)]
    pub(crate) async fn fetch_token(&self, scopes: &[&str]) -> anyhow::Result<AccessToken> {
        self.requests.count();
        anyhow::ensure!(!scopes.is_empty(), "scopes are missing");
        Ok(AccessToken {
            access_token: scopes.join(" "),
            token_type: "Bearer".to_owned(),
            expires_in: 3_600,
        })
    }

    #[cache_write(tags = ["token:{self.client_id}"])]
    pub(crate) async fn revoke(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_token_is_cached_until_shortly_before_it_expires() {
    let clock = Clock::hand_wound();
    let client = AuthClient {
        client_id: "shop".to_owned(),
        ..AuthClient::default()
    };
    let fetch = async || {
        client
            .fetch_token(&["read", "write"])
            .await
            .expect("it is given")
    };
    larder::scope(Cache::builder().clock(clock.clone()).build(), async {
        assert_eq!(
            (fetch().await.access_token, fetch().await.token_type),
            ("read write".into(), "Bearer".into())
        );
        clock.advance(Duration::from_secs(3_569));
        fetch().await;
        assert_eq!(client.requests.so_far(), 1);
        clock.advance(Duration::from_secs(1));
        fetch().await;
        assert_eq!(client.requests.so_far(), 2);

        client.revoke().await.expect("it is revoked");
        fetch().await;
        assert_eq!(client.requests.so_far(), 3);
        assert!(client.fetch_token(&[]).await.is_err());
    })
    .await;
}
