use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct OrderId(u64);

#[derive(Clone, Serialize, Deserialize, Projection)]
struct OrderSummary {
    id: OrderId,
}

fn main() {}
