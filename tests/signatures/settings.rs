//! A reader of settings that takes whatever becomes a `String`, and gives whatever can be parsed:
//! `async fn setting<T: FromStr>(&self, name: impl Into<String>) -> anyhow::Result<Option<T>>`.

use std::str::FromStr;

use larder::{Value, cache_read, cache_write};

use crate::sqlx::PgPool;
use crate::{is_send, with_cache};

pub(crate) struct Settings {
    pool: PgPool,
}

impl Settings {
    /// What becomes a text does so twice, for the key and in the body: so it is `Clone` too.
    #[cache_read(key = ("setting", Into::<String>::into(name.clone())), tags = ["settings"], skip(self))]
    pub(crate) async fn setting<
        T: Value + FromStr<Err: std::error::Error + Send + Sync + 'static>,
    >(
        &self,
        name: impl Into<String> + Clone + Send,
    ) -> anyhow::Result<Option<T>> {
        let name = name.into();
        let rows = self.pool.rows().await?.into_iter();
        let mut settings = rows.filter_map(|(_, row)| {
            let (found, value) = row.split_once('=')?;
            (found == name).then(|| value.parse())
        });
        Ok(settings.next().transpose()?)
    }

    #[cache_write(tags = ["settings"])]
    pub(crate) async fn set(&self, id: u64, setting: impl AsRef<str>) -> anyhow::Result<()> {
        Ok(self.pool.update(id, setting.as_ref()).await?)
    }
}

#[tokio::test]
async fn a_setting_is_cached_under_every_form_of_its_name() {
    let settings = Settings {
        pool: PgPool::with(&[(1, "limit=7"), (2, "title=Notes")]),
    };
    with_cache(async {
        let limit = is_send(settings.setting::<u32>("limit")).await;
        assert_eq!(limit.expect("it is a number"), Some(7));
        let limit = settings.setting::<u32>("limit".to_owned()).await;
        assert_eq!(limit.expect("it is a number"), Some(7));
        assert_eq!(settings.pool.queries.so_far(), 1);
        let title = settings.setting::<String>("title").await;
        assert_eq!(title.expect("it is a text").as_deref(), Some("Notes"));
        assert!(
            settings.setting::<u32>("title").await.is_err(),
            "of another type, it is loaded"
        );
        assert_eq!(settings.pool.queries.so_far(), 3);

        settings
            .set(1, "limit=8")
            .await
            .expect("there is such a row");
        let limit = settings.setting::<u32>("limit").await;
        assert_eq!(limit.expect("it is a number"), Some(8));
    })
    .await;
}
