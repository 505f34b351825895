use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(name = "orders")]
struct OrderSummary {
    #[projection(id)]
    id: u64,
}

fn main() {}
