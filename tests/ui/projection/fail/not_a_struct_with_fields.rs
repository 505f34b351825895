use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
enum Either {
    One { id: u64 },
}

#[derive(Clone, Serialize, Deserialize, Projection)]
struct Pair(u64, u64);

#[derive(Clone, Serialize, Deserialize, Projection)]
struct Nothing;

fn main() {}
