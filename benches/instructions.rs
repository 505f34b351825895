//! Instructions of one hit, counted and not timed: `cargo xtask instructions` runs this under
//! callgrind with two numbers of hits and divides the difference.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use larder::{Cache, Caches, cache_read};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct User {
    name: String,
    email: String,
}

#[cache_read(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"])]
async fn by_number(id: u64) -> Arc<User> {
    Arc::new(User {
        name: format!("name {id}"),
        email: "ada@example.org".to_owned(),
    })
}

#[cache_read(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"])]
async fn by_text(id: &str) -> Arc<User> {
    Arc::new(User {
        name: id.to_owned(),
        email: "ada@example.org".to_owned(),
    })
}

#[cache_read(key = "owned:{id}", ttl = 300, tags = ["user:{id}", "users"])]
async fn by_value(id: u64) -> User {
    User {
        name: format!("name {id}"),
        email: "ada@example.org".to_owned(),
    }
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let (Some(case), Some(hits)) = (arguments.next(), arguments.next()) else {
        println!("run it through `cargo xtask instructions`");
        return;
    };
    let hits: u64 = hits.parse().expect("a number of hits");
    Caches::new(Cache::memory())
        .install()
        .expect("nothing else is installed");
    let moka = moka::future::Cache::builder()
        .max_capacity(10_000)
        .time_to_live(Duration::from_secs(300))
        .build();
    let keys: Vec<String> = (0..100).map(|id| format!("user:{id}")).collect();
    let texts: Vec<String> = (0..100).map(|id| id.to_string()).collect();
    for id in 0..100 {
        by_number(id).now_or_never();
        by_value(id).now_or_never();
        let user = User {
            name: String::new(),
            email: String::new(),
        };
        moka.insert(keys[id as usize].clone(), Arc::new(user))
            .now_or_never();
    }
    for turn in 0..hits {
        let id = turn % 100;
        match case.as_str() {
            "moka" => drop(black_box(
                moka.get(keys[id as usize].as_str()).now_or_never(),
            )),
            "number" => drop(black_box(by_number(id).now_or_never())),
            "text" => drop(black_box(by_text(&texts[id as usize]).now_or_never())),
            "value" => drop(black_box(by_value(id).now_or_never())),
            other => panic!("there is no case `{other}`"),
        }
    }
}
