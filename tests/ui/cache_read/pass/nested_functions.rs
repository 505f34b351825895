//! Functions in modules, functions, closures' bodies and methods.
#![deny(warnings)]
#![forbid(unsafe_code)]

mod outer {
    pub(crate) mod inner {
        use larder::cache_read;

        #[cache_read(key = "a:{id}")]
        pub(in crate::outer) async fn load(id: u64) -> u64 {
            #[cache_read(key = "b:{id}", tags = ["b"])]
            async fn load(id: u64) -> u64 {
                id
            }
            let nested = load(id).await;
            assert_eq!(load::peek(id).await.unwrap(), Some(id));
            nested
        }
    }

    pub(crate) async fn load(id: u64) -> u64 {
        let loaded = async {
            use larder::cache_read;

            #[cache_read]
            async fn inside(id: u64) -> u64 {
                id
            }
            inside(id).await + inner::load(id).await
        };
        loaded.await
    }
}

struct Shop;

impl Shop {
    async fn load(&self, id: u64) -> u64 {
        #[larder::cache_read(key = "c:{id}")]
        async fn in_a_method(id: u64) -> u64 {
            id
        }
        assert_eq!(in_a_method::key(1).as_str(), "c:1");
        in_a_method(id).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(outer::load(1).await + Shop.load(1).await, 3);
}
