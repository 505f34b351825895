use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(ttl = 0)]
struct OrderSummary {
    id: u64,
}

fn main() {}
