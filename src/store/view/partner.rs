//! Partners and accounts as their viewer may see them: who sees the centre all of its partners and accounts, everybody else
//! its own organisation and no account. Digests of keys, hashes of passwords and sealed secrets never leave here.

use super::may_see;
use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::store::Tx;
use crate::store::accounts::{self, AccountRow};
use crate::store::parties::{self, AgreementRow, CredentialRow, Organisation};

/// A partner with what is agreed with it and its credentials.
#[derive(Clone, Debug)]
pub struct PartnerView {
    /// The partner.
    pub organisation: Organisation,
    /// Its identifiers: scheme and value.
    pub identifiers: Vec<(String, String)>,
    /// Every version of every agreement, by name and version.
    pub agreements: Vec<AgreementRow>,
    /// Its credentials, ended ones too; digests are left out.
    pub credentials: Vec<CredentialRow>,
}

/// Partners by short name.
pub fn partners(tx: &mut Tx<'_>, viewer: &Viewer) -> Result<Vec<Organisation>> {
    let mut all = parties::organisations(tx)?;
    all.retain(|row| may_see(viewer, row.centre_id, row.id));
    Ok(all)
}

/// One partner by its short name.
pub fn partner(tx: &mut Tx<'_>, viewer: &Viewer, short: &str) -> Result<Option<PartnerView>> {
    let Some(organisation) = partners(tx, viewer)?.into_iter().find(|row| row.short == short) else { return Ok(None) };
    let id = organisation.id;
    let mut identifiers: Vec<(String, String)> = parties::identifiers(tx)?
        .into_iter()
        .filter(|(_, _, owner)| *owner == id)
        .map(|(scheme, value, _)| (scheme, value))
        .collect();
    identifiers.sort();
    let mut agreements = parties::agreements(tx)?;
    agreements.retain(|row| row.organisation_id == id);
    let mut credentials = parties::credentials(tx)?;
    credentials.retain(|row| row.organisation_id == id);
    credentials.iter_mut().for_each(|row| row.digest.clear());
    Ok(Some(PartnerView { organisation, identifiers, agreements, credentials }))
}

/// An account without the hash of its password.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// The account; its password is empty.
    pub account: AccountRow,
    /// Whether it has a password.
    pub has_password: bool,
}

fn without_password(mut account: AccountRow) -> AccountView {
    let has_password = !account.password.is_empty();
    account.password = String::new();
    AccountView { account, has_password }
}

/// The accounts of the viewer's centre by sign-in name.
pub fn accounts(tx: &mut Tx<'_>, viewer: &Viewer) -> Result<Vec<AccountView>> {
    if !viewer.sees_the_centre() {
        return Ok(Vec::new());
    }
    let mut all = accounts::list(tx)?;
    all.retain(|row| row.centre_id == viewer.centre_id);
    Ok(all.into_iter().map(without_password).collect())
}

/// One account of the viewer's centre.
pub fn account(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<AccountView>> {
    let found = accounts(tx, viewer)?;
    Ok(found.into_iter().find(|found| found.account.id == id))
}
