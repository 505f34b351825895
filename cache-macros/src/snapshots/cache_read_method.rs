// Written:
//
//     #[cache_read(key = "price:{self.tenant}:{article}", ttl = 60)]
//     async fn price(&self, article: u64) -> Result<u64, DbError> {
//         self.prices.of(article).await
//     }
//
// Expanded:

async fn price(&self, article: u64) -> Result<u64, DbError> {
    static __LARDER_SITE: ::larder::Site = ::larder::Site::new(
            ::larder::Role::Read,
            ::core::concat!(::core::module_path!(), "::price"),
        )
        .with(
            ::larder::__private::Templates::new()
                .key("price:{self.tenant}:{article}")
                .integers(&["article"]),
        );
    ::larder::__private::submit! {
        ::larder::__private::Registration(& __LARDER_SITE)
    }
    let __larder_spec = ::larder::Spec::new(
            ::larder::Key::render(|__larder_out| {
                __larder_out.text("price:");
                __larder_out.value(::larder::__private::part!(self.tenant));
                __larder_out.text(":");
                __larder_out.value(::larder::__private::part!(article));
            }),
            |_: &mut ::larder::Tags| {},
        )
        .ttl(::larder::Ttl::For(::core::time::Duration::from_secs(60u64)));
    ::larder::__private::read(
            &__LARDER_SITE,
            ::larder::Mode::Read,
            __larder_spec,
            ::larder::__private::outcome!(Result < u64, DbError >),
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
                        let __larder_returned: Result<u64, DbError> = loop {};
                        return __larder_returned;
                    }
                    { self.prices.of(article).await }
                }
            },
        )
        .await
}
