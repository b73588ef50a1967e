//! Schemas: who may look into one, and where a name without a schema is looked for.
//!
//! A schema of the search path that the role may not use is passed over as one that does not exist; named outright it
//! is refused, and a schema that does not exist is not. That difference tells a stranger which schemas there are, in
//! PostgreSQL as here.

use super::catalog::{Catalog, INFORMATION_SCHEMA, PG_CATALOG, RoleId, Schema, SchemaId, SchemaRight, TableId};
use super::name::Name;
use super::sqlstate::{INSUFFICIENT_PRIVILEGE, INVALID_PARAMETER, SqlError, UNDEFINED_SCHEMA};
use crate::control;
use crate::control::{Control, Controls};

/// A schema is closed to roles that were not granted `USAGE` on it (STO-13).
pub const SCHEMA_USAGE: Control = control!(
    "postgres.schema-usage",
    upholds: ["STO-13", "TEN-04", "TEN-02"],
    off: "USAGE on every schema is granted to PUBLIC, as on `public` from the beginning: a qualified name reaches the \
          tables of every slice, on which the common migration has granted the service's role its rights",
);

/// Who names something, and where they look for it.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The present role.
    pub role: RoleId,
    /// Its `search_path`, as the setting stands.
    pub path: &'a str,
    /// The run's controls.
    pub controls: &'a Controls,
}

impl Catalog {
    /// A schema.
    pub fn schema(&self, id: SchemaId) -> &Schema {
        &self.schemas[id.0 as usize]
    }
    /// The schema of this name.
    pub fn schema_id(&self, name: &str) -> Option<SchemaId> {
        let found = self.schemas.iter().position(|s| !s.dropped && *s.name == *name);
        found.map(|at| SchemaId(at as u16))
    }
    /// The schema of this name, or `3F000`.
    pub fn schema_named(&self, name: &str) -> Result<SchemaId, SqlError> {
        self.schema_id(name).ok_or_else(|| SqlError::no_schema(name))
    }
    /// The table of a schema.
    pub fn table_in(&self, schema: SchemaId, name: &str) -> Option<TableId> {
        self.schema(schema).tables.get(name).copied()
    }
    /// Whether `role` holds all of `right` on a schema.
    pub fn may_in(&self, role: RoleId, schema: SchemaId, right: SchemaRight) -> bool {
        let grants = self.schema(schema).grants.iter().filter(|(grantee, _)| self.covers(*grantee, role));
        let held = grants.fold(0, |held, (_, some)| held | some.0);
        self.role(role).attributes.superuser || held & right.0 == right.0
    }
    /// Whether the asker may name what lies in a schema.
    pub fn uses(&self, asker: Asker<'_>, schema: SchemaId) -> bool {
        self.may_in(asker.role, schema, SchemaRight::USAGE) || !asker.controls.on(&SCHEMA_USAGE)
    }

    /// The schemas of the search path that are there and that the asker may use, each once.
    pub(super) fn path(&self, asker: Asker<'_>) -> Vec<SchemaId> {
        let mut path = Vec::new();
        for name in split_path(asker.path).unwrap_or_default() {
            let name = if name == "$user" { self.role(asker.role).name.to_string() } else { name };
            if let Some(id) = self.schema_id(&name)
                && !path.contains(&id)
                && self.uses(asker, id)
            {
                path.push(id);
            }
        }
        path
    }

    /// The table of a name, if there is one.
    ///
    /// # Errors
    /// `42501` when its schema is named and may not be used.
    pub fn find(&self, asker: Asker<'_>, name: &Name) -> Result<Option<TableId>, SqlError> {
        let Some(schema) = &name.schema else {
            let path = self.path(asker);
            let first = [PG_CATALOG].into_iter().filter(|implied| !path.contains(implied));
            return Ok(first.chain(path.iter().copied()).find_map(|schema| self.table_in(schema, &name.name)));
        };
        let Some(schema) = self.schema_id(schema) else { return Ok(None) };
        if !self.uses(asker, schema) {
            return Err(SqlError::denied_schema(&self.schema(schema).name));
        }
        Ok(self.table_in(schema, &name.name))
    }
    /// The table that a query names.
    ///
    /// # Errors
    /// `42P01`, also when it is the schema that is not there, and `42501`.
    pub fn relation(&self, asker: Asker<'_>, name: &Name) -> Result<TableId, SqlError> {
        self.find(asker, name)?.ok_or_else(|| SqlError::no_table(&name.to_string()))
    }
    /// The table that a definition or a `TRUNCATE` names.
    ///
    /// # Errors
    /// `3F000` when the schema is not there, else those of [`Catalog::relation`].
    pub fn defined(&self, asker: Asker<'_>, name: &Name) -> Result<TableId, SqlError> {
        if let Some(schema) = &name.schema {
            self.schema_named(schema)?;
        }
        self.relation(asker, name)
    }
    /// Where a new table of this name belongs. Nobody is asked for `USAGE` there, until the table gets an index.
    ///
    /// # Errors
    /// `3F000`, `42501`.
    pub fn place_of_new(&self, asker: Asker<'_>, name: &Name) -> Result<SchemaId, SqlError> {
        let schema = match &name.schema {
            Some(schema) => self.schema_named(schema)?,
            None => {
                let message = "no schema has been selected to create in";
                *self.path(asker).first().ok_or_else(|| SqlError::new(UNDEFINED_SCHEMA, message))?
            }
        };
        if [PG_CATALOG, INFORMATION_SCHEMA].contains(&schema) {
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "system catalog modifications are currently disallowed"));
        }
        match self.may_in(asker.role, schema, SchemaRight::CREATE) {
            true => Ok(schema),
            false => Err(SqlError::denied_schema(&self.schema(schema).name)),
        }
    }
}

/// The names in a `search_path`, in order; `None` when it is no list of identifiers.
pub fn split_path(path: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = path.trim_start();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_name(quoted)?,
            None => {
                let end = rest.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(rest.len());
                (rest[..end].to_ascii_lowercase(), &rest[end..])
            }
        };
        if name.is_empty() && !rest.starts_with('"') {
            return None;
        }
        names.push(name);
        match after.trim_start() {
            "" => return Some(names),
            more => rest = more.strip_prefix(',')?.trim_start(),
        }
    }
}

/// A name behind its first quote, and what follows its last one.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let (mut name, mut rest) = (String::new(), text);
    loop {
        let (part, after) = rest.split_once('"')?;
        name += part;
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

/// One name as `SET` writes it into a `search_path`: quoted, unless it reads the same without. (A key word is not
/// quoted here.)
pub fn quoted(name: &str) -> String {
    let plain = |(at, c): (usize, char)| c.is_ascii_lowercase() || c == '_' || at > 0 && c.is_ascii_digit();
    if !name.is_empty() && name.char_indices().all(plain) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Accepts a value for `search_path`.
///
/// # Errors
/// `22023` for what is no list of identifiers.
pub fn check_path(path: &str) -> Result<(), SqlError> {
    let message = || format!("invalid value for parameter \"search_path\": \"{path}\"");
    split_path(path).map(|_| ()).ok_or_else(|| SqlError::new(INVALID_PARAMETER, message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_a_list_of_identifiers() {
        let split = |path: &str| split_path(path).map(|names| names.join("|"));
        for (path, names) in [
            ("", Some("")),
            ("\"$user\", public", Some("$user|public")),
            ("A ,b", Some("a|b")),
            ("\"A \"\"b\" , c", Some("A \"b|c")),
            ("\"\"", Some("")),
            ("a,", None),
            ("a b", None),
            ("\"a", None),
            (",a", None),
        ] {
            assert_eq!(split(path).as_deref(), names, "{path}");
        }
        assert_eq!(
            [quoted("s1"), quoted("1s"), quoted("$user"), quoted("a\"b")].join(" "),
            "s1 \"1s\" \"$user\" \"a\"\"b\""
        );
    }
}
