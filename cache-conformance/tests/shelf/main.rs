//! The whole list on the smallest store there can be: with all that a store can do, and with no more
//! than it must.

mod store;

use larder_conformance::Subject;
use larder_core::store::Capabilities;

use self::store::Shelf;

async fn open(space: String) -> Shelf {
    Shelf::open(&space)
}

async fn open_small(space: String) -> Shelf {
    Shelf {
        capabilities: Capabilities::default(),
        ..Shelf::open(&space)
    }
}

mod with_all_capabilities {
    larder_conformance::tests!(super::Subject::on(super::open));
}

mod without_capabilities {
    larder_conformance::tests!(super::Subject::on(super::open_small));
}
