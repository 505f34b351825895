// Written:
//
//     #[cache_write(tags = ["user:{id}", "org:{ret.org}"], recache = [get_user(pool, id)])]
//     pub async fn rename_user(pool: &Pool, id: u64, name: String) -> Result<User, DbError> {
//         pool.rename(id, name).await
//     }
//
// Expanded:

pub async fn rename_user(pool: &Pool, id: u64, name: String) -> Result<User, DbError> {
    static __LARDER_SITE: ::larder::Site = ::larder::Site::new(
            ::larder::Role::Write,
            ::core::concat!(::core::module_path!(), "::rename_user"),
        )
        .with(
            ::larder::__private::Templates::new()
                .tags(&["user:{id}", "org:{ret.org}"])
                .integers(&["id"])
                .texts(&["name"])
                .recaches(&["get_user"]),
        );
    ::larder::__private::submit! {
        ::larder::__private::Registration(& __LARDER_SITE)
    }
    let mut __larder_targets = ::larder::Targets::default();
    __larder_targets
        .write_tags(|__larder_tags: &mut ::larder::Tags| {
            __larder_tags
                .render(|__larder_out| {
                    __larder_out.text("user:");
                    __larder_out.value(::larder::__private::part!(id));
                });
        });
    let __larder_returned = ::larder::__private::write(
            &__LARDER_SITE,
            ::larder::__private::When::Always,
            __larder_targets,
            |__larder_returned: &Result<User, DbError>| {
                ::larder::__private::succeeded!(__larder_returned).is_some()
            },
            |
                __larder_returned: &Result<User, DbError>,
                __larder_targets: &mut ::larder::Targets|
            {
                let ::core::option::Option::Some(ret) = ::larder::__private::succeeded!(
                    __larder_returned
                ) else {
                    return;
                };
                if let ::core::option::Option::Some(ret) = ::larder::__private::present!(
                    ret
                ) {
                    __larder_targets
                        .write_tags(|__larder_tags: &mut ::larder::Tags| {
                            __larder_tags
                                .render(|__larder_out| {
                                    __larder_out.text("org:");
                                    __larder_out.value(::larder::__private::part!(ret.org));
                                });
                        });
                }
            },
            {
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
                    { pool.rename(id, name).await }
                }
            },
        )
        .await;
    let __larder_calls: ::std::vec::Vec<::larder::__private::Recache<'_>> = match ::larder::__private::succeeded!(
        & __larder_returned
    ) {
        #[allow(unused_variables)]
        ::core::option::Option::Some(ret) => {
            ::std::vec![
                { ::std::boxed::Box::pin(async move { ::core::mem::drop(get_user(pool,
                id). await); }) }
            ]
        }
        ::core::option::Option::None => ::std::vec::Vec::new(),
    };
    ::larder::__private::recache(&__LARDER_SITE, 4, __larder_calls).await;
    __larder_returned
}
