//! The forms of functions and arguments that the attributes take.

use std::fmt::Display;

use larder::{Value, cache_read, cache_write};

use crate::{Calls, Opaque, User, with_cache};

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn generics_and_where_clauses() {
    trait Source {
        type Row: Value;
        fn row(&self) -> Self::Row;
    }
    struct Fixed;
    impl Source for Fixed {
        type Row = User;
        fn row(&self) -> User {
            User::new(1, "row")
        }
    }
    #[cache_read(key = "g:{key}", tags = ["all", "g:{key}"], skip(source))]
    async fn load<'a, S, K>(source: &'a S, key: K) -> Result<S::Row, Opaque>
    where
        S: Source + Sync + ?Sized + 'a,
        K: Display + Clone + Send + Sync,
    {
        let _: K = key;
        Ok(source.row())
    }
    #[cache_read(key = "made:{id}")]
    async fn made<T: Value + From<u8>>(id: u8) -> T {
        T::from(id)
    }
    with_cache(async {
        assert_eq!(
            is_send(load(&Fixed, "a".to_owned())).await.ok(),
            Some(User::new(1, "row"))
        );
        assert_eq!(is_send(made::<u32>(3)).await, 3_u32);
        let peeked: Option<u32> = made::peek(3).await.unwrap();
        assert_eq!(peeked, Some(3));
    })
    .await;
}

#[tokio::test]
async fn impl_trait_arguments() {
    #[cache_read(key = "k:{key}")]
    async fn load(key: impl Display + Send) -> String {
        key.to_string()
    }
    with_cache(async {
        assert_eq!(is_send(load(7)).await, "7");
        assert_eq!(load("7").await, "7");
        assert_eq!(load::stats().hits, 1);
    })
    .await;
}

#[tokio::test]
async fn arguments_that_are_taken_apart() {
    struct Path<T>(T);
    #[derive(Clone)]
    struct Range {
        from: u32,
        to: u32,
    }
    #[cache_read(key = "p:{id}:{from}-{end}", tags = ["p:{id}", "r:{from}"])]
    async fn load(Path(id): Path<String>, Range { from, to: mut end }: Range) -> String
    where
        Path<String>: Clone,
    {
        end += 1;
        let id: String = id;
        format!("{id}{from}{end}")
    }
    impl Clone for Path<String> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }
    #[cache_read]
    async fn hashed((a, b): (u8, u8), [c, ..]: [u8; 3], _: bool) -> u8 {
        a + b + c
    }
    #[cache_write(tags = ["p:{id}"], recache = [load(Path(id), range)])]
    async fn store(Path(id): Path<String>, range: Range) -> String {
        let range: Range = range;
        format!("{id}{}", range.from)
    }
    with_cache(async {
        let range = Range { from: 1, to: 2 };
        assert_eq!(load(Path("x".into()), range.clone()).await, "x13");
        assert_eq!(hashed((1, 2), [3, 4, 5], true).await, 6);
        assert_eq!(store(Path("x".into()), range).await, "x1");
        assert_eq!(load::stats().loads, 2);
    })
    .await;
}

#[tokio::test]
async fn mutable_and_raw_and_mutably_borrowed_arguments() {
    #[cache_read(key = "m:{r#type}:{name}", skip(seen), tags = ["{type}"])]
    async fn load(mut name: String, r#type: u8, seen: &mut Vec<String>) -> usize {
        name.push('!');
        seen.push(name);
        seen.len() + usize::from(r#type)
    }
    #[cache_read(key = "f")]
    async fn r#fn() -> u8 {
        1
    }
    with_cache(async {
        let mut seen = Vec::new();
        assert_eq!(load("a".into(), 1, &mut seen).await, 2);
        assert_eq!(load("a".into(), 1, &mut seen).await, 2);
        assert_eq!(load("b".into(), 1, &mut seen).await, 3);
        assert_eq!(seen, ["a!", "b!"]);
        assert_eq!(r#fn().await, 1);
        assert_eq!(r#fn::peek().await.unwrap(), Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_function_may_call_itself() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "fib:{n}")]
    async fn fib(n: u64) -> u64 {
        CALLS.count();
        if n < 2 {
            return n;
        }
        Box::pin(fib(n - 1)).await + Box::pin(fib(n - 2)).await
    }
    with_cache(async {
        assert_eq!(fib(40).await, 102_334_155);
        assert_eq!(CALLS.so_far(), 41);
    })
    .await;
}

#[tokio::test]
async fn futures_are_send_where_the_body_is() {
    #[cache_read(key = "k:{id}", tags = ["t:{name}"], skip(name))]
    async fn read(id: u64, name: String) -> anyhow::Result<u64> {
        tokio::task::yield_now().await;
        Ok(id + name.len() as u64)
    }
    #[cache_write(tags = ["t:{name}", "u:{ret}"], recache = [read(id, name), read(*ret, name)])]
    async fn write(id: u64, name: String) -> anyhow::Result<u64> {
        tokio::task::yield_now().await;
        Ok(id + name.len() as u64)
    }
    with_cache(async {
        is_send(read(1, "a".into())).await.unwrap();
        is_send(write(1, "a".into())).await.unwrap();
        is_send(read::refresh(1, "a".into())).await.unwrap();
        is_send(read::peek(1, "a".into())).await.unwrap();
        is_send(read::prime(1, "a".into(), &2)).await.unwrap();
        is_send(read::invalidate(1, "a".into())).await.unwrap();
    })
    .await;
}
