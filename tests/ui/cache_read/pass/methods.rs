//! Methods, by every receiver, and functions without `self`.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use larder::cache_read;
use std::pin::Pin;
use std::sync::Arc;

/// A shop.
#[derive(Clone)]
pub struct Shop {
    tenant: String,
}

impl Shop {
    /// By reference.
    #[cache_read(key = "a:{self.tenant}:{id}", tags = ["{self.tenant}"])]
    pub async fn by_reference(&self, id: u64) -> u64 {
        id
    }

    /// To change.
    #[cache_read(key = "b:{self.tenant}:{id}", tags = ["{self.tenant}"])]
    pub async fn exclusive(&mut self, id: u64) -> u64 {
        self.tenant.push('!');
        id
    }

    /// Consumed.
    #[cache_read(key = "c:{self.tenant}", tags = ["{self.tenant}"])]
    pub async fn owned(mut self) -> String {
        self.tenant.push('!');
        self.tenant
    }

    /// Shared.
    #[cache_read(key = "d:{self.tenant}", tags = ["{self.tenant}"])]
    pub async fn shared(self: Arc<Self>) -> String {
        self.tenant.clone()
    }

    /// Shared by reference.
    #[cache_read(key = "e:{self.tenant}", tags = ["{self.tenant}"])]
    pub async fn shared_by_reference(self: &Arc<Self>) -> String {
        self.tenant.clone()
    }

    /// Boxed.
    #[cache_read(key = "f:{self.tenant}", tags = ["{self.tenant}"])]
    pub async fn boxed(self: Box<Self>) -> String {
        self.tenant
    }

    /// Pinned.
    #[cache_read(key = "g:{self.tenant}", tags = ["{self.tenant}"])]
    pub async fn pinned(self: Pin<&mut Self>) -> String {
        self.get_mut().tenant.clone()
    }

    /// Known by `Self`.
    #[cache_read(key = "h:{tenant}")]
    pub async fn size(tenant: &str) -> usize {
        Self::name(tenant).await.len()
    }

    /// Known by the attribute.
    #[cache_read(associated, key = "i:{tenant}")]
    pub async fn name(tenant: &str) -> String {
        tenant.to_owned()
    }
}

fn is_send<T: Send>(_: T) {}

fn main() {
    let mut shop = Shop { tenant: "a".to_owned() };
    let shared = Arc::new(shop.clone());
    is_send(shop.by_reference(1));
    is_send(shop.exclusive(1));
    is_send(shop.clone().owned());
    is_send(shared.shared_by_reference());
    is_send(shared.shared());
    is_send(Box::new(shop.clone()).boxed());
    is_send(Pin::new(&mut shop).pinned());
    is_send(Shop::size("a"));
}
