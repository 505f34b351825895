// Written:
//
//     resource! {
//         /// A user, and everything that is cached about it.
//         pub user(user_id: u64) {
//             profile: ttl = 300, lock;
//             avatar(size: u32): tags = ["avatars"], ttl = long;
//         }
//     }
//
// Expanded:

/// A user, and everything that is cached about it.
#[allow(non_camel_case_types, dead_code)]
pub struct user {}
#[allow(dead_code)]
impl user {
    /// The tag that every entry carries: what a write that changed the resource invalidates.
    #[must_use]
    #[allow(unused_variables, clippy::needless_pass_by_value)]
    pub fn tag(user_id: u64) -> ::larder::Tag {
        ::larder::Tag::render(|__larder_out| {
            __larder_out.text("user:");
            __larder_out.value(::larder::__private::part!(user_id));
        })
    }
    ///The entry `profile` of [`user`](Self).
    #[must_use]
    #[allow(
        unused_variables,
        impl_trait_redundant_captures,
        clippy::needless_pass_by_value
    )]
    pub fn profile(
        user_id: u64,
    ) -> ::larder::Spec<impl ::core::ops::Fn(&mut ::larder::Tags) + use<>> {
        let __larder_key = ::larder::Key::render(|__larder_out| {
            __larder_out.text("user:profile:");
            __larder_out.value(::larder::__private::part!(user_id));
        });
        let __larder_ttl = ::larder::Ttl::For(::core::time::Duration::from_secs(300u64));
        ::larder::Spec::new(
                __larder_key,
                move |__larder_tags: &mut ::larder::Tags| {
                    __larder_tags
                        .render(|__larder_out| {
                            __larder_out.text("user:");
                            __larder_out.value(::larder::__private::part!(user_id));
                        });
                },
            )
            .ttl(__larder_ttl)
            .lock(true)
    }
    ///The entry `avatar` of [`user`](Self).
    #[must_use]
    #[allow(
        unused_variables,
        impl_trait_redundant_captures,
        clippy::needless_pass_by_value
    )]
    pub fn avatar(
        user_id: u64,
        size: u32,
    ) -> ::larder::Spec<impl ::core::ops::Fn(&mut ::larder::Tags) + use<>> {
        let __larder_key = ::larder::Key::render(|__larder_out| {
            __larder_out.text("user:avatar:");
            __larder_out.value(::larder::__private::part!(user_id));
            __larder_out.text(":");
            __larder_out.value(::larder::__private::part!(size));
        });
        let __larder_ttl = ::larder::Ttl::Long;
        ::larder::Spec::new(
                __larder_key,
                move |__larder_tags: &mut ::larder::Tags| {
                    __larder_tags
                        .render(|__larder_out| {
                            __larder_out.text("user:");
                            __larder_out.value(::larder::__private::part!(user_id));
                        });
                    __larder_tags
                        .render(|__larder_out| {
                            __larder_out.text("avatars");
                        });
                },
            )
            .ttl(__larder_ttl)
    }
}
const _: () = {
    static RESOURCE: ::larder::__private::Resource = ::larder::__private::Resource {
        declared: ::larder::Declaration::here(
            ::core::concat!(::core::module_path!(), "::user"),
        ),
        tag: ::larder::__private::Templates::new()
            .tags(&["user:{user_id}"])
            .integers(&["user_id"]),
        entries: &[
            ::larder::__private::Entry {
                declared: ::larder::Declaration::here(
                    ::core::concat!(::core::module_path!(), "::user::profile"),
                ),
                templates: ::larder::__private::Templates::new()
                    .key("user:profile:{user_id}")
                    .integers(&["user_id"]),
            },
            ::larder::__private::Entry {
                declared: ::larder::Declaration::here(
                    ::core::concat!(::core::module_path!(), "::user::avatar"),
                ),
                templates: ::larder::__private::Templates::new()
                    .key("user:avatar:{user_id}:{size}")
                    .tags(&["avatars"])
                    .integers(&["user_id", "size"]),
            },
        ],
    };
    ::larder::__private::submit! {
        ::larder::__private::ResourceRegistration(& RESOURCE)
    }
};
