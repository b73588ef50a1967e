//! `CREATE TABLE`: columns, keys and defaults.
//!
//! Every key is a unique index, and a primary key also makes its columns `NOT NULL`; its index stands first.

use super::catalog::{Column, Index, RoleId, SchemaId, Table, Type};
use super::expr::Expr;
use super::lower::Lowerer;
use super::name::{data_type, folded};
use super::setting::Names;
use super::sqlstate::{DATATYPE_MISMATCH, DUPLICATE_COLUMN, INVALID_TABLE, SqlError, UNDEFINED_COLUMN};
use crate::wire::sql::Value;
use sqlparser::ast;

/// Builds the table that a statement describes, in a schema, owned by `owner`, with `inherited` columns before its own;
/// its foreign keys are the caller's to make, when the table is there.
///
/// # Errors
/// `42701`, `42703`, `42804`, `42P16`, and `0A000` for what the model lacks.
pub fn build_table(
    (schema, name): (SchemaId, String),
    create: &ast::CreateTable,
    inherited: Vec<Column>,
    owner: RoleId,
    names: &mut Names,
) -> Result<(Table, Vec<ast::ForeignKeyConstraint>), SqlError> {
    let mut building = Building { name, columns: Vec::new(), primary: None, unique: Vec::new(), foreign: Vec::new() };
    for column in &create.columns {
        building.column(column, names)?;
    }
    for constraint in &create.constraints {
        building.constraint(constraint)?;
    }
    building.columns = merged(inherited, building.columns)?;
    let foreign = std::mem::take(&mut building.foreign);
    Ok((building.finish(schema, owner)?, foreign))
}

/// A table in the making.
struct Building {
    name: String,
    columns: Vec<Column>,
    primary: Option<(Option<String>, Vec<String>)>,
    unique: Vec<(Option<String>, Vec<String>)>,
    foreign: Vec<ast::ForeignKeyConstraint>,
}

impl Building {
    fn column(&mut self, definition: &ast::ColumnDef, names: &mut Names) -> Result<(), SqlError> {
        let name = folded(&definition.name);
        if self.columns.iter().any(|c| *c.name == *name) {
            return Err(SqlError::new(DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once")));
        }
        let kind = data_type(&definition.data_type)?;
        let mut column = Column { name: name.as_str().into(), kind, not_null: false, default: None };
        for option in &definition.options {
            let constraint = option.name.as_ref().map(folded);
            match &option.option {
                ast::ColumnOption::Null => {}
                ast::ColumnOption::NotNull => column.not_null = true,
                ast::ColumnOption::Default(e) => column.default = Some(constant(e, &name, kind, names)?),
                ast::ColumnOption::PrimaryKey(_) => self.primary_key(constraint, vec![name.clone()])?,
                ast::ColumnOption::Unique(_) => self.unique.push((constraint, vec![name.clone()])),
                ast::ColumnOption::ForeignKey(key) => {
                    let (columns, name) = (vec![definition.name.clone()], option.name.clone());
                    self.foreign.push(ast::ForeignKeyConstraint { columns, name, ..key.clone() });
                }
                other => return Err(SqlError::unsupported(format_args!("the column option {other}"))),
            }
        }
        self.columns.push(column);
        Ok(())
    }

    fn constraint(&mut self, constraint: &ast::TableConstraint) -> Result<(), SqlError> {
        match constraint {
            ast::TableConstraint::PrimaryKey(key) => {
                self.primary_key(key.name.as_ref().map(folded), index_columns(&key.columns)?)
            }
            ast::TableConstraint::Unique(key) => {
                self.unique.push((key.name.as_ref().map(folded), index_columns(&key.columns)?));
                Ok(())
            }
            ast::TableConstraint::ForeignKey(key) => {
                self.foreign.push(key.clone());
                Ok(())
            }
            other => Err(SqlError::unsupported(format_args!("the constraint {other}"))),
        }
    }

    fn primary_key(&mut self, name: Option<String>, columns: Vec<String>) -> Result<(), SqlError> {
        if self.primary.replace((name, columns)).is_some() {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", self.name);
            return Err(SqlError::new(INVALID_TABLE, message));
        }
        Ok(())
    }

    fn finish(mut self, schema: SchemaId, owner: RoleId) -> Result<Table, SqlError> {
        let mut indexes = Vec::new();
        let (primary, unique) = (self.primary.take(), std::mem::take(&mut self.unique));
        let keys = primary.into_iter().map(|k| (true, k)).chain(unique.into_iter().map(|k| (false, k)));
        for (is_primary, (name, columns)) in keys {
            let mut positions = Vec::new();
            for column in &columns {
                let at = self.columns.iter().position(|c| *c.name == **column).ok_or_else(|| {
                    let message = format!("column \"{column}\" named in key does not exist");
                    SqlError::new(UNDEFINED_COLUMN, message)
                })?;
                self.columns[at].not_null |= is_primary;
                positions.push(at as u16);
            }
            let default = match is_primary {
                true => format!("{}_pkey", self.name),
                false => format!("{}_{}_key", self.name, columns.join("_")),
            };
            indexes.push(Index { name: name.unwrap_or(default).into(), columns: positions, primary: is_primary });
        }
        Ok(Table { indexes, ..Table::plain((schema, self.name.into()), owner, self.columns) })
    }
}

/// Inherited columns and those of the statement's own, which may name an inherited one again, to ask more of it.
///
/// # Errors
/// `42804` where the types differ.
fn merged(mut columns: Vec<Column>, own: Vec<Column>) -> Result<Vec<Column>, SqlError> {
    for column in own {
        match columns.iter_mut().find(|c| c.name == column.name) {
            None => columns.push(column),
            Some(inherited) if inherited.kind != column.kind => {
                let message = format!("column \"{}\" has a type conflict", column.name);
                return Err(SqlError::new(DATATYPE_MISMATCH, message));
            }
            Some(inherited) => {
                inherited.not_null |= column.not_null;
                inherited.default = column.default.or(inherited.default.take());
            }
        }
    }
    Ok(columns)
}

fn index_columns(columns: &[ast::IndexColumn]) -> Result<Vec<String>, SqlError> {
    let name = |c: &ast::IndexColumn| match &c.column.expr {
        ast::Expr::Identifier(name) => Ok(folded(name)),
        other => Err(SqlError::unsupported(format_args!("the key {other}"))),
    };
    columns.iter().map(name).collect()
}

/// A default that is a literal.
fn constant(e: &ast::Expr, column: &str, kind: Type, names: &mut Names) -> Result<Expr, SqlError> {
    let mut params = Vec::new();
    let mut lowerer = Lowerer { table: None, params: &mut params, names, depth: 0 };
    match lowerer.assigned(e, column, kind)? {
        literal @ Expr::Const(Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Null) => Ok(literal),
        _ => Err(SqlError::unsupported("a default that is no literal")),
    }
}
