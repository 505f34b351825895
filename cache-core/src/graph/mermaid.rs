//! The graph as a [Mermaid](https://mermaid.js.org) flowchart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Graph;
use super::declared::{Declaration, Entry};
use super::model::{Kind, Model};
use super::name::Name;
use crate::caches::DEFAULT;

impl Graph {
    /// The graph as a Mermaid flowchart: what invalidates on the left, tags and keys in the middle, what
    /// is read on the right. GitHub and most documentation tools draw it.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let model = Model::of(self);
        let mut chart = Chart {
            out: String::from("flowchart LR\n"),
            nodes: BTreeMap::new(),
            edges: BTreeSet::new(),
        };
        chart.draw(&model);
        chart.out
    }
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What<'m> {
    Read(Declaration),
    /// A tag, or a key of that name, in a cache.
    Name(&'m str, &'m str),
    Write(Declaration),
    Event(&'m str),
    Handler(Declaration),
    ByHand(Declaration),
    Entry(Declaration),
}

struct Chart<'m> {
    out: String,
    nodes: BTreeMap<What<'m>, usize>,
    edges: BTreeSet<(usize, &'static str, usize)>,
}

impl<'m> Chart<'m> {
    fn draw(&mut self, model: &'m Model) {
        let names: Vec<(&str, &Name)> = model
            .reads
            .iter()
            .flat_map(|read| read.reached_by().map(|name| (read.cache, name)))
            .collect();
        for read in &model.reads {
            let keys = read.named.keys.iter().map(ToString::to_string);
            let lines: Vec<String> = [read.declared.name.to_owned()]
                .into_iter()
                .chain(keys)
                .collect();
            let node = self.node(What::Read(read.declared), &lines.join("\n"), ["[", "]"]);
            // Of what it can be reached by, tags that were given it, and what does reach it.
            let tags = read.named.tags.len() + read.named.implied.len();
            let is_used = |name: &Name| {
                let mut here = model
                    .invalidators
                    .iter()
                    .filter(|one| one.cache == read.cache);
                here.any(|one| one.said().any(|said| said.overlaps(name)))
            };
            let names = read.reached_by().enumerate();
            for (_, name) in names.filter(|(at, name)| *at < tags || is_used(name)) {
                let tag = self.name(read.cache, name);
                self.edge(tag, "-->", node);
            }
            for entry in &read.named.entries {
                let entry = self.entry(entry);
                self.edge(entry, "-.->", node);
            }
        }
        for one in &model.invalidators {
            let declared = one.declared;
            let node = match one.kind {
                Kind::Write => self.node(What::Write(declared), declared.name, ["{{", "}}"]),
                Kind::Rule(event) => self.event(event),
                Kind::ByHand => self.node(What::ByHand(declared), "by hand", ["[/", "/]"]),
            };
            for said in one.said() {
                let reached = names
                    .iter()
                    .filter(|(cache, name)| *cache == one.cache && name.overlaps(said));
                let mut tags: Vec<usize> = reached
                    .map(|(cache, name)| self.name(cache, name))
                    .collect();
                if tags.is_empty() {
                    tags.push(self.name(one.cache, said));
                }
                for tag in tags {
                    self.edge(node, "-->", tag);
                }
            }
            for (call, read) in &one.recaches {
                let read = match read {
                    Some(read) => self.node(What::Read(*read), read.name, ["[", "]"]),
                    None => self.node(What::Name("", call), call, ["[", "]"]),
                };
                self.edge(node, "-. recaches .->", read);
            }
        }
        for (event, handler) in &model.handlers {
            let event = self.event(event);
            let handler = self.node(What::Handler(*handler), handler.name, ["[[", "]]"]);
            self.edge(event, "-->", handler);
        }
        for entry in model.resources.iter().flat_map(|one| one.entries) {
            self.entry(entry);
        }
    }

    fn entry(&mut self, entry: &'m Entry) -> usize {
        let declared = entry.declared;
        self.node(What::Entry(declared), declared.name, ["[(", ")]"])
    }

    fn event(&mut self, event: &'m str) -> usize {
        self.node(What::Event(event), event, [">", "]"])
    }

    fn name(&mut self, cache: &'m str, name: &'m Name) -> usize {
        let text = if cache == DEFAULT {
            name.text.clone()
        } else {
            format!("{} in {cache}", name.text)
        };
        self.node(What::Name(cache, &name.shape), &text, ["([", "])"])
    }

    /// The node's number; drawn when it is first named.
    fn node(&mut self, what: What<'m>, text: &str, [open, close]: [&str; 2]) -> usize {
        let next = self.nodes.len();
        let number = *self.nodes.entry(what).or_insert(next);
        if number == next {
            let text = escaped(text);
            self.line(format_args!("n{number}{open}\"{text}\"{close}"));
        }
        number
    }

    fn edge(&mut self, from: usize, arrow: &'static str, to: usize) {
        if self.edges.insert((from, arrow, to)) {
            self.line(format_args!("n{from} {arrow} n{to}"));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "    {line}");
    }
}

/// Text in quotes, of which nothing is taken for Mermaid's or for markup; a new line stays one.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(character, '"' | '<' | '>' | '&' | '#' | '`' | ';' | '\\') {
            let _ = write!(escaped, "#{};", u32::from(character));
        } else if character == '\n' {
            escaped.push_str("<br>");
        } else if character.is_control() {
            escaped.push(' ');
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_taken_for_structure() {
        assert_eq!(escaped("user:{id}"), "user:{id}");
        assert_eq!(escaped("a\"]\n<b>\t#"), "a#34;]<br>#60;b#62; #35;");
    }
}
