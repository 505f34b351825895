use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = order_summary, id = 7, ttl = "soon")]
struct OrderSummary {
    order_id: u64,
}

fn main() {}
