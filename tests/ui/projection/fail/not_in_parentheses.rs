use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection]
struct OrderSummary {
    order_id: u64,
}

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection = "invoice"]
struct Invoice {
    order_id: u64,
}

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection("receipt")]
struct Receipt {
    id: u64,
}

fn main() {}
