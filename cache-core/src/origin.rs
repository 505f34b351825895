//! Where a value comes from when there is none: a closure that loads it, in its caller's task or in one
//! of its own.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::cache::Order;
use crate::caches::Along;
use crate::keep::Keep;
use crate::outcome::Outcome;

/// A load that was not run yet, and `K`, which says what is kept of its value.
pub(crate) trait Origin<O: Outcome, K>: Sized {
    /// Whether it can run in a task of its own.
    const DETACHES: bool;

    /// The load under way.
    type Loading: Future<Output = O::Returned>;

    /// Runs it here.
    fn load(self) -> Self::Loading;

    /// Looks up, loads and stores in a task of its own, which goes on without its caller. Gives
    /// everything back where that cannot be: the load borrows from its caller, or there is no runtime.
    fn detach(self, keep: K, order: Order) -> Result<JoinHandle<O::Returned>, (Self, K)>;
}

/// A load that belongs to its caller.
#[derive(Debug)]
pub(crate) struct Attached<L>(pub(crate) L);

impl<O, K, L, F> Origin<O, K> for Attached<L>
where
    O: Outcome,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned>,
{
    const DETACHES: bool = false;

    type Loading = F;

    #[inline]
    fn load(self) -> F {
        (self.0)()
    }

    fn detach(self, keep: K, _: Order) -> Result<JoinHandle<O::Returned>, (Self, K)> {
        Err((self, keep))
    }
}

/// A load that owns what it uses, and so can go on without its caller.
#[derive(Debug)]
pub(crate) struct Detachable<L>(pub(crate) L);

impl<O, K, L, F> Origin<O, K> for Detachable<L>
where
    O: Outcome<Returned: Send, Failure: Send> + 'static,
    K: Fn(&O::Value) -> Keep + Send + Sync + 'static,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned> + Send + 'static,
{
    const DETACHES: bool = true;

    type Loading = F;

    #[inline]
    fn load(self) -> F {
        (self.0)()
    }

    fn detach(self, keep: K, order: Order) -> Result<JoinHandle<O::Returned>, (Self, K)> {
        let Ok(runtime) = Handle::try_current() else {
            return Err((self, keep));
        };
        // The arguments are cloned here, by the caller; polled it is by the task.
        let loading = (self.0)();
        let task = order.carry_out::<O, K, F>(keep, loading);
        Ok(runtime.spawn(Along::here().scope(task).in_current_span()))
    }
}
