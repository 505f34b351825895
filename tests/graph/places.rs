//! Every finding tells where to look.

use larder::{Finding, Graph, cache_read, cache_write, handlers, invalidate_on, resource, sites};

resource! {
    pub(crate) place(id: u64) {
        first;
        second: tags = ["x"];
    }
}
const RESOURCE: u32 = line!() - 4;

/// Documented, and with an attribute of several lines.
#[cache_read(
    key = "place:{id}",
    tags = ["places"]
)]
async fn read(id: u64) -> u64 {
    id
}
const READ: u32 = line!() - 7;

#[allow(dead_code)]
struct Places;

impl Places {
    #[allow(dead_code)]
    #[cache_write(tags = ["nowhere"])]
    async fn write(&self) {}
}
const WRITE: u32 = line!() - 3;

invalidate_on!("graph.places", tags = ["places"]);
const RULE: u32 = line!() - 1;

#[test]
fn a_site_is_where_its_attribute_is() {
    let location = |name: &str| {
        let mut sites = sites();
        let site = sites.find(|site| site.function() == format!("graph::places::{name}"));
        site.expect("it is linked").location()
    };
    assert_eq!(location("read"), (file!(), READ));
    assert_eq!(location("write"), (file!(), WRITE));
    let mut handlers = handlers();
    let rule = handlers.find(|handler| handler.event() == "graph.places");
    assert_eq!(rule.expect("it is linked").location(), (file!(), RULE));
}

#[test]
fn an_entry_is_where_its_name_is() {
    let report = Graph::of_program().within("graph::places").check();
    let entries = report
        .findings()
        .iter()
        .filter_map(|finding| match finding {
            Finding::UnreadEntry { entry } => Some((entry.name, entry.file, entry.line)),
            _ => None,
        });
    assert_eq!(
        entries.collect::<Vec<_>>(),
        [
            ("graph::places::place::first", file!(), RESOURCE),
            ("graph::places::place::second", file!(), RESOURCE + 1),
        ]
    );
    let line = format!("`graph::places::place::first` (tests/graph/places.rs:{RESOURCE})");
    assert!(report.to_string().contains(&line), "{report}");
}
