//! A service that is generic over nothing and holds its repository behind an `Arc<dyn ..>`.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use larder::{cache_read, cache_write};
use serde::{Deserialize, Serialize};

use crate::{Calls, is_send, with_cache};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderId(u64);

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ord-{}", self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    id: OrderId,
    is_paid: bool,
}

#[async_trait]
trait Repository: Send + Sync {
    async fn load(&self, id: OrderId) -> Result<Order, Box<dyn Error + Send + Sync>>;
    async fn save(&self, order: &Order) -> Result<(), Box<dyn Error + Send + Sync>>;
}

#[derive(Clone)]
pub(crate) struct OrderService {
    repository: Arc<dyn Repository>,
}

impl OrderService {
    /// A newtype in the key, an error without `Clone`: it is for this caller alone.
    #[cache_read(key = "order:{id}", skip(self))]
    pub(crate) async fn order(&self, id: OrderId) -> Result<Order, Box<dyn Error + Send + Sync>> {
        self.repository.load(id).await
    }

    #[cache_write(tags = ["order:{order.id}"])]
    pub(crate) async fn pay(&self, mut order: Order) -> Result<(), Box<dyn Error + Send + Sync>> {
        order.is_paid = true;
        self.repository.save(&order).await
    }
}

#[derive(Default)]
struct InMemory {
    calls: Calls,
    is_paid: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Repository for InMemory {
    async fn load(&self, id: OrderId) -> Result<Order, Box<dyn Error + Send + Sync>> {
        self.calls.count();
        let is_paid = self.is_paid.load(std::sync::atomic::Ordering::SeqCst);
        if id.0 == 0 {
            Err("no such order".into())
        } else {
            Ok(Order { id, is_paid })
        }
    }

    async fn save(&self, order: &Order) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.is_paid
            .store(order.is_paid, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn a_service_behind_a_shared_reference_is_cached() {
    let repository = Arc::new(InMemory::default());
    let service = OrderService {
        repository: Arc::clone(&repository) as Arc<dyn Repository>,
    };
    with_cache(async {
        let unpaid = is_send(service.order(OrderId(7))).await;
        let unpaid = unpaid.expect("it is there");
        let again = service
            .clone()
            .order(OrderId(7))
            .await
            .expect("it is there");
        assert_eq!(
            (&again, unpaid.is_paid, repository.calls.so_far()),
            (&unpaid, false, 1)
        );

        is_send(service.pay(unpaid)).await.expect("it is saved");
        let paid = service.order(OrderId(7)).await.expect("it is there");
        assert_eq!((paid.is_paid, repository.calls.so_far()), (true, 2));

        // An error is not kept.
        assert!(service.order(OrderId(0)).await.is_err());
        assert!(service.order(OrderId(0)).await.is_err());
        assert_eq!(repository.calls.so_far(), 4);
    })
    .await;
}
