use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(nme = "orders", id = "order", ttl = shrt, name = "a b")]
struct OrderSummary {
    order_id: u64,
}

fn main() {}
