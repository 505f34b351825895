//! The whole list on blobs in a map: all that a store does with no more than a put that compares.

mod map;

use larder_conformance::Subject;

use self::map::Map;

async fn open(space: String) -> Map {
    Map::open(&space)
}

larder_conformance::tests!(Subject::on(open));
