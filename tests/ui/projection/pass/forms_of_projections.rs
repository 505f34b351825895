//! Every form is taken, and trips no lint.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use std::fmt;
use std::time::Duration;

use larder::{Projection, Ttl};
use serde::{Deserialize, Serialize};

const AN_HOUR: Duration = Duration::from_secs(3_600);

/// With all options.
#[derive(Debug, Clone, Serialize, Deserialize, Projection)]
#[projection(name = "order_summary", id = "order_id", ttl = "1h 30m",)]
pub struct OrderSummary {
    /// Given as `&str`.
    pub order_id: String,
}

/// With none: its name is `http_route`, its id `id`.
#[derive(Clone, Serialize, Deserialize, Projection)]
pub struct HTTPRoute {
    id: u64,
}

/// An id that is only `Display`.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Sku(u16, u32);

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// With an expression, and a name that is a keyword.
#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(id = "type", ttl = AN_HOUR * 2)]
pub struct Article {
    r#type: Sku,
}

/// With a word.
#[derive(Clone, Serialize, Deserialize, Projection)]
#[projection(ttl = never)]
pub struct Flag {
    id: Option<char>,
}

macro_rules! projections {
    ($($name:ident: $ty:ty, $called:literal, $ttl:expr;)*) => {$(
        /// Made by a macro.
        #[derive(Clone, Serialize, Deserialize, Projection)]
        #[projection(name = $called, ttl = $ttl)]
        pub struct $name {
            id: $ty,
        }
    )*};
}

projections! {
    One: u8, "one", 60;
    Two: String, "two", "1m";
}

fn main() {
    assert_eq!(OrderSummary::NAME, "order_summary");
    assert_eq!(OrderSummary::ttl(), Ttl::For(Duration::from_secs(5_400)));
    let order = OrderSummary { order_id: "ord-123".into() };
    let _: &str = Projection::id(&order);

    assert_eq!(HTTPRoute::NAME, "http_route");
    assert_eq!(HTTPRoute::ttl(), Ttl::Default);
    let _: u64 = Projection::id(&HTTPRoute { id: 7 });

    assert_eq!(Article::ttl(), Ttl::For(Duration::from_secs(7_200)));
    let _: &Sku = Projection::id(&Article { r#type: Sku(1, 2) });
    let _: &Option<char> = Projection::id(&Flag { id: None });
    assert_eq!(Flag::ttl(), Ttl::Never);

    let _: u8 = Projection::id(&One { id: 7 });
    let _: &str = Projection::id(&Two { id: String::new() });
    assert_eq!((One::NAME, Two::NAME), ("one", "two"));
    assert_eq!(One::ttl(), Two::ttl());
}
