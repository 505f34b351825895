use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = "a", name = "b")]
struct OrderSummary {
    id: u64,
}

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = "a")]
#[projection(ttl = 60)]
struct Invoice {
    id: u64,
}

fn main() {}
