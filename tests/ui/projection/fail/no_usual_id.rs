use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
struct OrderSummary {
    total: u64,
    order_id: String,
}

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = "invoice")]
struct Invoice {}

fn main() {}
