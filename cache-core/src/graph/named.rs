//! What a declaration names: its own templates, and those of the resources that it refers to.

use super::declared::{Declaration, Entry, Resource};
use super::name::{KeyName, Name};
use super::pattern::Place;
use super::resolve::resolve;
use super::templates::{Code, Templates};
use super::{Graph, Unseen};
use crate::site::Role;

/// What a declaration names, as far as it can be told before a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) tags: Vec<Name>,
    pub(super) keys: Vec<KeyName>,
    /// The entries of resources that it refers to.
    pub(super) entries: Vec<&'static Entry>,
    /// Tags that nobody wrote there: those that every entry of a resource carries.
    pub(super) implied: Vec<Name>,
    pub(super) has_unseen_tags: bool,
    pub(super) has_unseen_keys: bool,
}

/// What an entry of a resource gives to whoever refers to it.
pub(super) fn add_entry(named: &mut Named, resource: &'static Resource, entry: &'static Entry) {
    let templates = &entry.templates;
    named.implied.extend(tag_of(resource));
    named.tags.extend(tags(templates));
    named.keys.extend(
        templates
            .key
            .map(|template| KeyName::new(template, templates)),
    );
    named.entries.push(entry);
    for code in templates.code {
        named.has_unseen_tags |= !matches!(code, Code::Key(_));
        named.has_unseen_keys |= !matches!(code, Code::Tags(_));
    }
}

fn tags(templates: &Templates) -> impl Iterator<Item = Name> {
    let each = templates.tags.iter();
    each.map(|template| Name::new(template, templates, Place::KeyOrTag))
}

fn tag_of(resource: &'static Resource) -> impl Iterator<Item = Name> {
    tags(&resource.tag)
}

/// Finds what is referred to.
pub(super) struct Resolver<'g> {
    pub(super) graph: &'g Graph,
    /// What was not found.
    pub(super) unseen: Vec<Unseen>,
}

impl Resolver<'_> {
    pub(super) fn named(&mut self, templates: &Templates, declared: Declaration) -> Named {
        let keys = templates.key.iter().chain(templates.keys);
        let mut named = Named {
            tags: tags(templates).collect(),
            keys: keys
                .map(|template| KeyName::new(template, templates))
                .collect(),
            ..Named::default()
        };
        for code in templates.code {
            let is_seen = match code {
                Code::Spec(_) => {
                    self.add_entry(&mut named, *code, declared)
                        || self.add_tag(&mut named, *code, declared)
                }
                Code::Tags(_) => self.add_tag(&mut named, *code, declared),
                Code::Key(_) => self.add_key(&mut named, *code, declared),
            };
            if !is_seen {
                named.has_unseen_tags |= !matches!(code, Code::Key(_));
                named.has_unseen_keys |= !matches!(code, Code::Tags(_));
                self.unseen.push(Unseen::new(declared, code.text()));
            }
        }
        named
    }

    fn add_entry(&mut self, named: &mut Named, code: Code, declared: Declaration) -> bool {
        let Some((resource, entry)) = self.entry(code, declared) else {
            return false;
        };
        add_entry(named, resource, entry);
        for code in entry.templates.code {
            self.unseen.push(Unseen::new(declared, code.text()));
        }
        true
    }

    fn add_tag(&self, named: &mut Named, code: Code, declared: Declaration) -> bool {
        let Some(resource) = self.resource(code.path().strip_suffix("::tag"), declared) else {
            return false;
        };
        named.tags.extend(tag_of(resource));
        true
    }

    /// `user::profile(id).key` and `get_user::key(id)`.
    fn add_key(&self, named: &mut Named, code: Code, declared: Declaration) -> bool {
        if let Some((_, entry)) = self.entry(code, declared) {
            let templates = &entry.templates;
            let key = templates.key.map(|key| KeyName::new(key, templates));
            named.keys.extend(key.clone());
            return key.is_some();
        }
        let Some(path) = code.path().strip_suffix("::key") else {
            return false;
        };
        let Some(read) = self.read(path, declared) else {
            return false;
        };
        let templates = read.templates();
        let key = templates.key.map(|key| KeyName::new(key, templates));
        let is_seen = key.is_some();
        named.keys.extend(key);
        is_seen
    }

    fn entry(
        &self,
        code: Code,
        declared: Declaration,
    ) -> Option<(&'static Resource, &'static Entry)> {
        let (path, name) = code.path().rsplit_once("::")?;
        let resource = self.resource(Some(path), declared)?;
        let mut entries = resource.entries.iter();
        let entry = entries.find(|entry| {
            let of_resource = entry.declared.name.rsplit_once("::");
            of_resource.is_some_and(|(_, known)| known == name)
        })?;
        Some((resource, entry))
    }

    fn resource(&self, path: Option<&str>, declared: Declaration) -> Option<&'static Resource> {
        let all = self.graph.resources.iter();
        let all = all.map(|resource| (resource.declared.name, *resource));
        resolve(path?, declared.module(), all)
    }

    fn read(&self, path: &str, declared: Declaration) -> Option<&'static crate::Site> {
        let reads = self.graph.sites.iter();
        let reads = reads.filter(|site| site.role() == Role::Read);
        let reads = reads.map(|site| (site.function(), *site));
        resolve(path, declared.module(), reads)
    }

    /// `get_user` and `get_user::refresh`.
    pub(super) fn recaches(
        &self,
        templates: &Templates,
        declared: Declaration,
    ) -> Vec<(&'static str, Option<Declaration>)> {
        let calls = templates.recaches.iter().map(|call| {
            let companion = || call.rsplit_once("::").map(|(path, _)| path);
            let read = self
                .read(call, declared)
                .or_else(|| self.read(companion()?, declared));
            (*call, read.map(crate::Site::declared))
        });
        let mut calls: Vec<_> = calls.collect();
        // One function for several arguments.
        calls.dedup_by_key(|(call, read)| read.map_or(*call, |read| read.name));
        calls
    }
}
