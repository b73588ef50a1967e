//! From SQL text to a [`Prepared`] statement: parsing by `sqlparser`, then analysis against the catalog.
//!
//! Every clause that the model does not have is refused by name (`0A000`), never skipped: a query that silently lost
//! its `FOR UPDATE`, its join or its second condition would prove nothing about the real server.

use super::catalog::{Catalog, Nature, Table, TableId, Type};
use super::doom;
use super::lower::Lowerer;
use super::name::{folded, table_name};
use super::namespace::{Asker, quoted};
use super::only;
use super::plan::{Call, Isolation, Plan, Prepared, Search, Target};
use super::setting::{Names, ROLE, SEARCH_PATH, Scope, SettingId};
use super::sqlstate::{SYNTAX_ERROR, SqlError, TOO_COMPLEX};
use sqlparser::ast::{self, Statement as S};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::sync::Arc;

/// A relation as a statement names it.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Its place.
    pub id: TableId,
    /// The relation.
    pub table: &'a Table,
    /// The name that it goes by.
    pub known_as: Arc<str>,
    /// Whether the statement says `ONLY`.
    pub only: bool,
}

impl<'a> Source<'a> {
    /// What expressions over its rows are compiled with.
    pub fn named(&self) -> (&'a Table, Arc<str>) {
        (self.table, Arc::clone(&self.known_as))
    }
}

/// A text of more tokens is refused, so that no chain of operators exhausts the stack of the parser's tree.
const TOKENS_MAX: usize = 6_000;

/// What analysis may look at and extend.
pub struct Analyzer<'a> {
    /// Tables and roles.
    pub catalog: &'a Catalog,
    /// Names of settings.
    pub names: &'a mut Names,
    /// Who asks, and where names are looked for.
    pub asker: Asker<'a>,
    /// Types of the parameters, as far as they are known.
    pub params: Vec<Option<Type>>,
}

/// Parses a text into its commands.
///
/// # Errors
/// `42601`, `54001`, and `0A000` for a command that the parser lacks.
pub fn parse(text: &str) -> Result<Vec<S>, SqlError> {
    let dialect = PostgreSqlDialect {};
    let syntax = |message: String| SqlError::new(SYNTAX_ERROR, format!("syntax error: {message}"));
    let mut tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|e| syntax(e.message))?;
    if tokens.len() > TOKENS_MAX {
        return Err(SqlError::new(TOO_COMPLEX, "stack depth limit exceeded"));
    }
    let word = |t: &TokenWithSpan| match &t.token {
        Token::Word(word) => Some(word.value.to_ascii_lowercase()),
        _ => None,
    };
    only::mark(&mut tokens);
    // The parser does not know this word, and the server does.
    let refreshes = tokens.iter().find_map(word).as_deref() == Some("refresh");
    Parser::new(&dialect).with_tokens_with_locations(tokens).parse_statements().map_err(|e| match e {
        ParserError::ParserError(_) if refreshes => SqlError::unsupported("REFRESH MATERIALIZED VIEW"),
        ParserError::RecursionLimitExceeded => SqlError::new(TOO_COMPLEX, "stack depth limit exceeded"),
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => syntax(message),
    })
}

/// Analyses a parsed command.
///
/// # Errors
/// Whatever PostgreSQL's analysis would say, and `0A000` for what the model lacks.
pub fn prepare(catalog: &Catalog, names: &mut Names, asker: Asker<'_>, command: S) -> Result<Prepared, SqlError> {
    prepare_with(catalog, names, asker, command, Vec::new())
}

/// The same where the types of some parameters are known: those of a function's arguments.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with(
    catalog: &Catalog,
    names: &mut Names,
    asker: Asker<'_>,
    command: S,
    params: Vec<Option<Type>>,
) -> Result<Prepared, SqlError> {
    let mut analyzer = Analyzer { catalog, names, asker, params };
    let plan = analyzer.command(command)?;
    let params = analyzer.params.iter().map(|kind| kind.unwrap_or(Type::Text)).collect();
    let doomed = doom::of(&plan);
    Ok(Prepared { plan, params, doomed })
}

impl<'a> Analyzer<'a> {
    fn command(&mut self, statement: S) -> Result<Plan, SqlError> {
        match &statement {
            S::Query(query) => Ok(Plan::Select(self.select(query)?)),
            S::Insert(insert) => Ok(Plan::Insert(self.insert(insert)?)),
            S::Update(update) => Ok(Plan::Update(self.update(update)?)),
            S::Delete(delete) => Ok(Plan::Delete(self.delete(delete)?)),
            S::Truncate(truncate) => self.truncate(truncate),
            S::StartTransaction { modes, modifier: None, statements, exception: None, .. } if statements.is_empty() => {
                begin(modes)
            }
            S::Commit { chain: false, modifier: None, .. } => Ok(Plan::Commit),
            S::Rollback { chain: false, savepoint: None } => Ok(Plan::Rollback),
            S::Rollback { chain: false, savepoint: Some(name) } => Ok(Plan::RollbackTo(folded(name).into())),
            S::Savepoint { name } => Ok(Plan::Savepoint(folded(name).into())),
            S::ReleaseSavepoint { name } => Ok(Plan::Release(folded(name).into())),
            S::Set(set) => self.set(set),
            S::Reset(reset) => match &reset.reset {
                ast::Reset::ALL => Ok(Plan::ResetAll),
                ast::Reset::ConfigurationParameter(name) => Ok(Plan::Set(self.setting(name)?, None, Scope::Session)),
                ast::Reset::SessionAuthorization => Err(SqlError::unsupported("RESET SESSION AUTHORIZATION")),
            },
            S::ShowVariable { variable } => {
                let name = variable.iter().map(folded).collect::<Vec<_>>().join(".");
                Ok(Plan::Show(self.setting_named(&name)?))
            }
            S::Discard { object_type: ast::DiscardObject::ALL } => Ok(Plan::DiscardAll),
            S::CreateSchema {
                or_replace: false,
                with: None,
                options: None,
                default_collate_spec: None,
                clone: None,
                ..
            }
            | S::CreateTable(_)
            | S::CreateView(_)
            | S::CreateFunction(_)
            | S::DropFunction(_)
            | S::CreateRole(_)
            | S::AlterRole { .. }
            | S::Grant(_)
            | S::Revoke(_)
            | S::AlterTable(_)
            | S::CreatePolicy(_)
            | S::DropPolicy(_)
            | S::Drop { .. } => Ok(Plan::Define(Box::new(statement))),
            other => {
                let text = other.to_string();
                Err(SqlError::unsupported(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")))
            }
        }
    }

    fn truncate(&mut self, truncate: &ast::Truncate) -> Result<Plan, SqlError> {
        let ast::Truncate {
            table_names, partitions: None, if_exists: false, on_cluster: None, identity, cascade, ..
        } = truncate
        else {
            return Err(SqlError::unsupported("this TRUNCATE"));
        };
        if *identity == Some(ast::TruncateIdentityOption::Restart) {
            return Err(SqlError::unsupported("RESTART IDENTITY"));
        }
        let target = |t: &ast::TruncateTableTarget| {
            let id = self.catalog.defined(self.asker, &table_name(&t.name)?)?;
            let table = self.catalog.table(id);
            match &table.nature {
                Nature::Table => Ok(Target { table: self.writable(id)?, only: t.only }),
                _ => Err(SqlError::not_a_table(&table.name)),
            }
        };
        let cascade = *cascade == Some(ast::CascadeOption::Cascade);
        Ok(Plan::Truncate { tables: table_names.iter().map(target).collect::<Result<_, _>>()?, cascade })
    }

    /// A table that may be written by name: no view.
    pub fn writable(&self, id: TableId) -> Result<TableId, SqlError> {
        let table = self.catalog.table(id);
        match &table.nature {
            _ if table.view.is_some() => Err(SqlError::unsupported("a change of the catalogue's own views")),
            Nature::Table => Ok(id),
            Nature::View(_) => Err(SqlError::unsupported("a change through a view")),
            Nature::Materialized(_) => Err(SqlError::unsupported("a change of a materialised view")),
        }
    }

    fn set(&mut self, set: &ast::Set) -> Result<Plan, SqlError> {
        let scope = |modifier: &Option<ast::ContextModifier>| match modifier {
            Some(ast::ContextModifier::Local) => Ok(Scope::Transaction),
            Some(ast::ContextModifier::Session) | None => Ok(Scope::Session),
            Some(ast::ContextModifier::Global) => {
                Err(SqlError::new(SYNTAX_ERROR, "syntax error at or near \"GLOBAL\""))
            }
        };
        match set {
            ast::Set::SetRole { context_modifier, role_name } => {
                let role = role_name.as_ref().map(|name| Arc::from(folded(name)));
                Ok(Plan::Set(ROLE, role, scope(context_modifier)?))
            }
            ast::Set::SingleAssignment { scope: modifier, hivevar: false, variable, values } => {
                let id = self.setting(variable)?;
                let value = if id == SEARCH_PATH { path_value(values)? } else { single(values)? };
                Ok(Plan::Set(id, value, scope(modifier)?))
            }
            other => Err(SqlError::unsupported(other)),
        }
    }

    fn setting(&mut self, name: &ast::ObjectName) -> Result<SettingId, SqlError> {
        let parts: Vec<String> = name.0.iter().filter_map(|p| p.as_ident().map(folded)).collect();
        self.setting_named(&parts.join("."))
    }

    fn setting_named(&mut self, name: &str) -> Result<SettingId, SqlError> {
        self.names.intern(name)?.ok_or_else(|| SqlError::no_setting(name))
    }

    /// The table of a `FROM` that names one table and nothing else, with the name it goes by.
    pub fn source(&mut self, from: &ast::TableWithJoins) -> Result<Source<'a>, SqlError> {
        match self.source_or_call(from)? {
            (source, None) => Ok(source),
            _ => Err(SqlError::unsupported(format_args!("the table expression {from}"))),
        }
    }

    /// The same where a function may stand, with its call.
    pub fn source_or_call(&mut self, from: &ast::TableWithJoins) -> Result<(Source<'a>, Option<Call>), SqlError> {
        let refused = || SqlError::unsupported(format_args!("the table expression {from}"));
        let ast::TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } = &from.relation
        else {
            return Err(refused());
        };
        if !from.joins.is_empty() || !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
            return Err(refused());
        }
        let mut name = table_name(name)?;
        let bare = only::marked(&name.name).map(str::to_owned);
        let only = bare.is_some();
        name.name = bare.unwrap_or(name.name);
        if alias.as_ref().is_some_and(|a| !a.columns.is_empty()) {
            return Err(refused());
        }
        let (id, call) = match args {
            Some(args) => {
                let call = self.call(&name, args)?;
                (TableId::of_function(call.function), Some(call))
            }
            None => (self.catalog.relation(self.asker, &name)?, None),
        };
        let table = self.catalog.table(id);
        if only && table.kin.is_partitioned() {
            return Err(SqlError::unsupported("ONLY of a partitioned table"));
        }
        let known_as = alias.as_ref().map_or_else(|| Arc::clone(&table.name), |a| Arc::from(folded(&a.name)));
        Ok((Source { id, table, known_as, only }, call))
    }

    /// A compiler for expressions over `table`.
    pub fn lowerer<'b>(&'b mut self, table: Option<(&'b Table, Arc<str>)>) -> Lowerer<'b> {
        Lowerer { table, params: &mut self.params, names: self.names, depth: 0 }
    }

    /// A condition on the rows of a table.
    pub fn search(
        &mut self,
        Source { id, table, known_as, only }: Source<'a>,
        filter: Option<&ast::Expr>,
    ) -> Result<Search, SqlError> {
        let filter = filter.map(|e| self.lowerer(Some((table, known_as))).condition(e, "WHERE")).transpose()?;
        let (mut keys, mut gates, mut estimates) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(filter) = &filter {
            if !doom::decided(filter) {
                filter.keys(&mut keys);
            }
            doom::estimates(filter, true, &mut estimates);
            doom::gates(filter, &mut gates);
        }
        Ok(Search { table: id, only, through: Vec::new(), filter, keys, gates, estimates })
    }
}

fn begin(modes: &[ast::TransactionMode]) -> Result<Plan, SqlError> {
    let (mut read_only, mut isolation) = (false, Isolation::ReadCommitted);
    for mode in modes {
        match mode {
            ast::TransactionMode::AccessMode(mode) => read_only = *mode == ast::TransactionAccessMode::ReadOnly,
            ast::TransactionMode::IsolationLevel(level) => {
                isolation = match level {
                    ast::TransactionIsolationLevel::RepeatableRead => Isolation::RepeatableRead,
                    ast::TransactionIsolationLevel::Serializable => Isolation::Serializable,
                    _ => Isolation::ReadCommitted,
                };
            }
        }
    }
    Ok(Plan::Begin { read_only, isolation })
}

fn single(values: &[ast::Expr]) -> Result<Option<Arc<str>>, SqlError> {
    let [value] = values else { return Err(SqlError::unsupported("SET to a list")) };
    set_value(value)
}

/// The value of `SET search_path`: a list of names, of which a literal is one, whatever it holds.
fn path_value(values: &[ast::Expr]) -> Result<Option<Arc<str>>, SqlError> {
    let mut names = Vec::new();
    for value in values {
        match set_value(value)? {
            Some(name) => names.push(quoted(&name)),
            None if values.len() == 1 => return Ok(None),
            None => return Err(SqlError::new(SYNTAX_ERROR, "syntax error at or near \"DEFAULT\"")),
        }
    }
    Ok(Some(names.join(", ").into()))
}

/// The value of a `SET`; `None` for `DEFAULT`.
///
/// # Errors
/// `42601` for what is no plain value.
pub fn set_value(value: &ast::Expr) -> Result<Option<Arc<str>>, SqlError> {
    let text = match value {
        ast::Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default") => {
            return Ok(None);
        }
        ast::Expr::Identifier(name) => folded(name),
        ast::Expr::Value(v) => match &v.value {
            ast::Value::SingleQuotedString(s) | ast::Value::EscapedStringLiteral(s) => s.clone(),
            ast::Value::Number(digits, _) => digits.clone(),
            ast::Value::Boolean(b) => if *b { "on" } else { "off" }.into(),
            // The server's grammar has no parameter here; that is what set_config is for.
            other => return Err(SqlError::new(SYNTAX_ERROR, format!("syntax error at or near \"{other}\""))),
        },
        other => return Err(SqlError::new(SYNTAX_ERROR, format!("syntax error at or near \"{other}\""))),
    };
    Ok(Some(text.into()))
}
