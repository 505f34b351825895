// Written:
//
//     #[cache_read(key = "user:{id}", ttl = "5m", tags = ["user:{id}", "users"], skip(pool))]
//     pub async fn get_user(pool: &Pool, id: u64) -> Result<User, DbError> {
//         pool.fetch_user(id).await
//     }
//
// Expanded:

pub async fn get_user(pool: &Pool, id: u64) -> Result<User, DbError> {
    get_user::__read(::larder::Mode::Read, pool, id).await
}
///The companion of [`get_user()`]: its key, and what can be done with the entry.
#[allow(
    non_camel_case_types,
    dead_code,
    missing_copy_implementations,
    missing_debug_implementations
)]
pub struct get_user {}
#[allow(
    dead_code,
    single_use_lifetimes,
    unused_lifetimes,
    clippy::multiple_bound_locations,
    clippy::too_many_arguments,
    clippy::unused_async,
    clippy::used_underscore_binding
)]
impl get_user {
    #[doc(hidden)]
    #[must_use]
    pub fn __site() -> &'static ::larder::Site {
        static __LARDER_SITE: ::larder::Site = ::larder::Site::new(
                ::larder::Role::Read,
                ::core::concat!(::core::module_path!(), "::get_user"),
            )
            .with(
                ::larder::__private::Templates::new()
                    .key("user:{id}")
                    .tags(&["user:{id}", "users"])
                    .integers(&["id"])
                    .value(::larder::__private::value_type_of!(Result < User, DbError >)),
            );
        ::larder::__private::submit! {
            ::larder::__private::Registration(& __LARDER_SITE)
        }
        &__LARDER_SITE
    }
    async fn __read(
        __larder_mode: ::larder::Mode,
        pool: &Pool,
        id: u64,
    ) -> Result<User, DbError> {
        let __larder_spec = ::larder::Spec::new(
                ::larder::Key::render(|__larder_out| {
                    __larder_out.text("user:");
                    __larder_out.value(::larder::__private::part!(id));
                }),
                |__larder_tags: &mut ::larder::Tags| {
                    __larder_tags
                        .render(|__larder_out| {
                            __larder_out.text("user:");
                            __larder_out.value(::larder::__private::part!(id));
                        });
                    __larder_tags
                        .render(|__larder_out| {
                            __larder_out.text("users");
                        });
                },
            )
            .ttl(::larder::Ttl::For(::core::time::Duration::from_secs(300u64)));
        ::larder::__private::read(
                Self::__site(),
                __larder_mode,
                __larder_spec,
                ::larder::__private::outcome!(Result < User, DbError >),
                ::larder::__private::always,
                || {
                    async move {
                        #[allow(
                            unreachable_code,
                            clippy::diverging_sub_expression,
                            clippy::empty_loop,
                            clippy::let_unit_value
                        )]
                        if false {
                            let __larder_returned: Result<User, DbError> = loop {};
                            return __larder_returned;
                        }
                        { pool.fetch_user(id).await }
                    }
                },
            )
            .await
    }
    /// The key of the entry.
    #[must_use]
    pub fn key(id: u64) -> ::larder::Key {
        ::larder::Key::render(|__larder_out| {
            __larder_out.text("user:");
            __larder_out.value(::larder::__private::part!(id));
        })
    }
    /// Makes the entry unusable, and every load of it that is under way.
    ///
    /// # Errors
    /// When the function's cache is not configured.
    pub async fn invalidate(
        id: u64,
    ) -> ::core::result::Result<::larder::Invalidation, ::larder::Error> {
        let __larder_key = ::larder::Key::render(|__larder_out| {
            __larder_out.text("user:");
            __larder_out.value(::larder::__private::part!(id));
        });
        ::larder::__private::invalidate(Self::__site(), __larder_key).await
    }
    /// The entry's value, if there is a usable one. Never loads.
    ///
    /// # Errors
    /// When the store does not answer, or the function's cache is not configured.
    pub async fn peek<'__larder>(
        id: u64,
    ) -> ::core::result::Result<::core::option::Option<User>, ::larder::Error>
    where
        User: ::larder::__private::ValueFor<'__larder>,
    {
        ::larder::__private::peek(
                Self::__site(),
                ::larder::Spec::new(
                        ::larder::Key::render(|__larder_out| {
                            __larder_out.text("user:");
                            __larder_out.value(::larder::__private::part!(id));
                        }),
                        |__larder_tags: &mut ::larder::Tags| {
                            __larder_tags
                                .render(|__larder_out| {
                                    __larder_out.text("user:");
                                    __larder_out.value(::larder::__private::part!(id));
                                });
                            __larder_tags
                                .render(|__larder_out| {
                                    __larder_out.text("users");
                                });
                        },
                    )
                    .ttl(::larder::Ttl::For(::core::time::Duration::from_secs(300u64))),
            )
            .await
    }
    /// Stores a value without a load.
    ///
    /// # Errors
    /// When the value cannot be encoded, the store does not take it, or the function's cache
    /// is not configured.
    pub async fn prime<'__larder>(
        id: u64,
        value: &User,
    ) -> ::core::result::Result<(), ::larder::Error>
    where
        User: ::larder::__private::ValueFor<'__larder>,
    {
        ::larder::__private::prime(
                Self::__site(),
                ::larder::Spec::new(
                        ::larder::Key::render(|__larder_out| {
                            __larder_out.text("user:");
                            __larder_out.value(::larder::__private::part!(id));
                        }),
                        |__larder_tags: &mut ::larder::Tags| {
                            __larder_tags
                                .render(|__larder_out| {
                                    __larder_out.text("user:");
                                    __larder_out.value(::larder::__private::part!(id));
                                });
                            __larder_tags
                                .render(|__larder_out| {
                                    __larder_out.text("users");
                                });
                        },
                    )
                    .ttl(::larder::Ttl::For(::core::time::Duration::from_secs(300u64))),
                value,
            )
            .await
    }
    /// Calls the function and puts what it returns in the entry's place.
    ///
    ///# Errors
    ///The function's own.
    pub async fn refresh(pool: &Pool, id: u64) -> Result<User, DbError> {
        Self::__read(::larder::Mode::Refresh, pool, id).await
    }
    /// What the function's lookups and loads did so far.
    #[must_use]
    pub fn stats() -> ::larder::Stats {
        Self::__site().stats()
    }
    #[doc(hidden)]
    pub const __NAMESPACE: ::core::option::Option<&'static str> = ::core::option::Option::None;
    #[doc(hidden)]
    #[must_use]
    pub fn __put<'__larder>(id: u64) -> ::larder::__private::Put<User>
    where
        User: ::larder::__private::ValueFor<'__larder>,
    {
        ::larder::__private::put(
            Self::__site(),
            ::larder::Spec::new(
                    ::larder::Key::render(|__larder_out| {
                        __larder_out.text("user:");
                        __larder_out.value(::larder::__private::part!(id));
                    }),
                    |__larder_tags: &mut ::larder::Tags| {
                        __larder_tags
                            .render(|__larder_out| {
                                __larder_out.text("user:");
                                __larder_out.value(::larder::__private::part!(id));
                            });
                        __larder_tags
                            .render(|__larder_out| {
                                __larder_out.text("users");
                            });
                    },
                )
                .ttl(::larder::Ttl::For(::core::time::Duration::from_secs(300u64))),
            ::larder::__private::always,
        )
    }
}
