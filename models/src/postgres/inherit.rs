//! Tables that inherit: `CREATE TABLE … INHERITS (parent)`.
//!
//! Who reads, changes or deletes rows of the parent reaches those of its heirs as well, by the policies and privileges
//! of the parent alone; `ONLY` leaves them out. An heir takes the columns over and nothing else: keys, owner, grants
//! and policies are its own, so that what a policy of the parent hides lies open in an heir that has none, and a key
//! of the parent is unique among the parent's own rows.

use super::catalog::{Nature, TableId};
use super::ddl::Definer;
use super::name::table_name;
use super::sqlstate::{SqlError, WRONG_OBJECT};
use sqlparser::ast;

impl Definer<'_> {
    /// The table that a new one inherits from.
    ///
    /// # Errors
    /// `42809` for a view, a partitioned table and a partition, `42501` for a table of somebody else, and `0A000` for
    /// several parents and for one with foreign keys.
    pub(super) fn inherited(&self, parents: &[ast::ObjectName]) -> Result<TableId, SqlError> {
        let [parent] = parents else { return Err(SqlError::unsupported("a table that inherits from several")) };
        let id = self.catalog.defined(self.asker, &table_name(parent)?)?;
        let table = self.catalog.table(id);
        if table.kin.is_partitioned() || self.catalog.whole_of(id).is_some() {
            let what = if table.kin.is_partitioned() { "partitioned table" } else { "partition" };
            return Err(SqlError::new(WRONG_OBJECT, format!("cannot inherit from {what} \"{}\"", table.name)));
        }
        if table.view.is_some() || !matches!(table.nature, Nature::Table) {
            let message = format!("inherited relation \"{}\" is not a table or foreign table", table.name);
            return Err(SqlError::new(WRONG_OBJECT, message));
        }
        if !self.catalog.inherits(self.asker.role, table.owner) {
            return Err(SqlError::not_owner(&table.name));
        }
        // A row of an heir is neither referred to nor does it refer, whatever the parent's keys say.
        if !(table.foreign.is_empty() && table.referrers.is_empty()) {
            return Err(SqlError::unsupported("a table that inherits from one with foreign keys"));
        }
        Ok(id)
    }
}
