use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = "")]
struct OrderSummary {
    id: u64,
}

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = "order:summary")]
struct Invoice {
    id: u64,
}

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = "order*")]
struct Receipt {
    id: u64,
}

fn main() {}
