use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(key = "id", tll = 60)]
struct OrderSummary {
    id: u64,
}

fn main() {}
