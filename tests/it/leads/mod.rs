//! From the form to the CRM.

mod delivery;
mod hostile;
mod intake;
mod look_ups;
mod outage;
