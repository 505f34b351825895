//! Whether everything is heard, and the one who is told.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use larder_core::store::Watcher;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::links::Links;

/// Stretches, one after the other, each with a number.
pub(crate) struct Hearing {
    watcher: Arc<dyn Watcher>,
    /// Held while the watcher is told of a beginning or an end, so that it is told in their order.
    /// Taken before any lock of the watcher's.
    stretch: Mutex<Stretch>,
    links: ArcSwapOption<Links>,
    /// Wakes the keeper when a stretch ends.
    ended: Notify,
}

/// The newest stretch.
#[derive(Debug, Default)]
struct Stretch {
    number: u64,
    phase: Phase,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its links are being made.
    #[default]
    Beginning,
    /// Everything is heard.
    Heard,
    Over,
    /// There will be no other: nobody is left who wants to hear.
    Closed,
}

impl Hearing {
    pub(crate) fn new(watcher: Arc<dyn Watcher>) -> Self {
        Self {
            watcher,
            stretch: Mutex::default(),
            links: ArcSwapOption::empty(),
            ended: Notify::new(),
        }
    }

    pub(crate) fn watcher(&self) -> &dyn Watcher {
        &*self.watcher
    }

    /// The number of a new stretch, whose links are yet to be made. The one before must be over.
    pub(crate) fn prepare(&self) -> u64 {
        let mut stretch = self.stretch.lock();
        if stretch.phase != Phase::Closed {
            stretch.phase = Phase::Beginning;
            stretch.number += 1;
        }
        stretch.number
    }

    /// Begins the stretch, unless one of its links has ended meanwhile.
    pub(crate) fn begin(&self, links: Arc<Links>) -> bool {
        let mut stretch = self.stretch.lock();
        if stretch.number != links.stretch || stretch.phase != Phase::Beginning {
            return false;
        }
        stretch.phase = Phase::Heard;
        self.links.store(Some(links));
        self.watcher.regained();
        true
    }

    /// Ends the stretch. When this returns the watcher knows, whoever was the first to notice.
    pub(crate) fn end(&self, number: u64) {
        let mut stretch = self.stretch.lock();
        if stretch.number == number {
            let links = self.turn_to(Phase::Over, &mut stretch);
            // A link that goes may end an ear here and now, which comes back to this lock.
            drop(stretch);
            drop(links);
        }
    }

    /// Ends what is heard for good, and lets go of the links.
    pub(crate) fn close(&self) {
        let mut stretch = self.stretch.lock();
        let links = self.turn_to(Phase::Closed, &mut stretch);
        drop(stretch);
        drop(links);
    }

    /// Waits until the stretch is over.
    pub(crate) async fn end_of(&self, number: u64) {
        loop {
            {
                let stretch = self.stretch.lock();
                let is_on = matches!(stretch.phase, Phase::Beginning | Phase::Heard);
                if stretch.number != number || !is_on {
                    return;
                }
            }
            // Keeps a notice that came since the look above; one of an earlier stretch costs a look.
            self.ended.notified().await;
        }
    }

    fn turn_to(&self, phase: Phase, stretch: &mut Stretch) -> Option<Arc<Links>> {
        let before = stretch.phase;
        if before != Phase::Closed {
            stretch.phase = phase;
        }
        self.ended.notify_one();
        if before != Phase::Heard {
            return None;
        }
        let links = self.links.swap(None);
        self.watcher.lost();
        links
    }

    /// The links of the stretch, while it lasts.
    pub(crate) fn links(&self) -> Option<Arc<Links>> {
        self.links.load_full()
    }
}
