use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(id = "ordr_id")]
struct OrderSummary {
    order_id: String,
    total: u64,
}

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(id = "number")]
struct Invoice {
    order_id: String,
    total: u64,
}

fn main() {}
