//! The templates of the paths of one segment.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use model::write_path_template;

use crate::Texts;

/// Numbers templates as they appear. Each path is read once at most.
#[derive(Debug)]
pub(super) struct Templates<'a> {
    paths: &'a Texts,
    /// For each path, the number of its template plus one; 0 if it was not read yet.
    by_path: Vec<u32>,
    all: Vec<String>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    template: String,
}

impl<'a> Templates<'a> {
    pub(super) fn of(paths: &'a Texts) -> Self {
        Self {
            paths,
            by_path: vec![0; paths.len()],
            all: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            template: String::new(),
        }
    }

    /// The number of a path's template.
    pub(super) fn number(&mut self, path: u16) -> u32 {
        match self.by_path.get(usize::from(path)) {
            Some(0) | None => {}
            Some(number) => return number - 1,
        }
        write_path_template(self.paths.get(path).unwrap_or_default(), &mut self.template);
        let Self {
            all,
            table,
            hasher,
            template,
            ..
        } = self;
        let hash = hasher.hash_one(template.as_str());
        let number = match table.find(hash, |number| all[*number as usize] == *template) {
            Some(number) => *number,
            None => {
                let number = all.len() as u32;
                all.push(template.clone());
                table.insert_unique(hash, number, |number| {
                    hasher.hash_one(all[*number as usize].as_str())
                });
                number
            }
        };
        if let Some(known) = self.by_path.get_mut(usize::from(path)) {
            *known = number + 1;
        }
        number
    }

    /// By number.
    pub(super) fn into_all(self) -> Vec<String> {
        self.all
    }

    pub(super) fn text(&self, number: u32) -> &str {
        &self.all[number as usize]
    }
}
