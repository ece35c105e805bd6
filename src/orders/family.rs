//! Which objects belong together: those that name each other, over however many steps, and the order they belong to. A subscription
//! and a customer join nothing: each renewal is an order of its own.

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryResult;

use super::model::{Object, OrderId};
use super::queries;
use crate::db::Conn;

/// Objects looked at: an order has a handful.
const OBJECTS_MAX: usize = 500;
/// Steps from one object to the furthest: a dispute names its charge, that its payment, that is named by the invoice payment,
/// that names the invoice, that is named by the session.
const STEPS_MAX: usize = 8;

/// Objects that belong together.
pub struct Family {
    /// By id.
    pub objects: BTreeMap<String, Object>,
    /// The orders they belong to until now: one at most, unless two were joined by a word that came late.
    pub orders: BTreeSet<OrderId>,
}

impl Family {
    /// The family of an object that is stored already.
    pub fn of(conn: &mut Conn, object: &Object) -> QueryResult<Self> {
        let mut family = Self { objects: BTreeMap::new(), orders: BTreeSet::new() };
        let mut asked: BTreeSet<String> = BTreeSet::new();
        let mut ask: Vec<String> = ids(object).collect();
        for _ in 0..STEPS_MAX {
            if ask.is_empty() || family.objects.len() >= OBJECTS_MAX {
                break;
            }
            asked.extend(ask.iter().cloned());
            for found in queries::around(conn, &ask, i64::try_from(OBJECTS_MAX).unwrap_or(i64::MAX))? {
                family.objects.insert(found.object_id.clone(), found);
            }
            ask = family.objects.values().flat_map(ids).filter(|id| !asked.contains(id)).collect::<BTreeSet<_>>().into_iter().collect();
        }
        family.find_orders(conn)?;
        Ok(family)
    }

    fn find_orders(&mut self, conn: &mut Conn) -> QueryResult<()> {
        self.orders.extend(self.objects.values().filter_map(|object| object.order_id));
        let references: BTreeSet<&String> = self.objects.values().filter_map(|object| object.reference.as_ref()).collect();
        for reference in references {
            self.orders.extend(queries::by_reference(conn, reference)?);
        }
        Ok(())
    }

    /// Adds what an order had besides; what belongs to another order stays there.
    pub fn around_order(&mut self, conn: &mut Conn, order: OrderId) -> QueryResult<()> {
        for object in queries::objects_of(conn, order, i64::try_from(OBJECTS_MAX).unwrap_or(i64::MAX))? {
            self.objects.insert(object.object_id.clone(), object);
        }
        self.objects.retain(|_, object| object.order_id.is_none_or(|own| own == order));
        Ok(())
    }

    /// Those without an order.
    pub fn without_order(&self) -> Vec<String> {
        self.objects.values().filter(|object| object.order_id.is_none()).map(|object| object.object_id.clone()).collect()
    }
}

/// What an object is, and what it names that joins.
fn ids(object: &Object) -> impl Iterator<Item = String> {
    [Some(&object.object_id), object.payment.as_ref(), object.charge.as_ref(), object.invoice.as_ref()].into_iter().flatten().cloned()
}
