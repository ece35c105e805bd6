//! Which objects belong together: those that name each other, over however many steps, and the order they belong to. A subscription
//! and a customer join nothing: each renewal is an order of its own.

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryResult;

use super::model::{Object, Order, OrderId};
use super::queries;
use crate::db::Conn;

/// Objects looked at: an order has a handful.
const OBJECTS_MAX: usize = 500;
/// Steps from one object to the furthest: a dispute names its charge, that its payment, that is named by the invoice payment,
/// that names the invoice, that is named by the session.
const STEPS_MAX: usize = 8;

/// The families of some objects.
#[derive(Default)]
pub struct Families {
    /// Each once.
    together: Vec<Family>,
    /// The last that had to be read by itself.
    alone: Family,
}

/// Objects that belong together.
#[derive(Default)]
pub struct Family {
    /// By id.
    objects: BTreeMap<String, Object>,
    /// The orders they belong to until now: one at most, unless two were joined by a word that came late.
    orders: BTreeMap<OrderId, Order>,
    /// What these orders have besides.
    others: Vec<Object>,
    /// The orders that are worked out already; None: that there is none yet.
    pub settled: BTreeSet<Option<OrderId>>,
}

impl Families {
    /// Reads the families of objects that are stored already, in as many queries as for one.
    pub fn read(conn: &mut Conn, objects: &[&Object]) -> QueryResult<Self> {
        let (found, is_cut_short) = related(conn, objects)?;
        // One family with too many must not cost the others theirs.
        let mut together = if is_cut_short { Vec::new() } else { apart(found).into_iter().map(Family::of).collect() };
        read_orders(conn, &mut together)?;
        // Of two with one order each has to see what became of the other.
        let orders: Vec<OrderId> = together.iter().flat_map(|family| family.orders.keys().copied()).collect();
        let is_shared = |order: &OrderId| orders.iter().filter(|other| *other == order).count() > 1;
        together.retain(|family| !family.orders.keys().any(is_shared));
        Ok(Self { together, alone: Family::default() })
    }

    /// The family of one of them, as it is now.
    pub fn of(&mut self, conn: &mut Conn, object: &Object) -> QueryResult<&mut Family> {
        if let Some(family) = self.together.iter_mut().find(|family| family.objects.contains_key(&object.object_id)) {
            return Ok(family);
        }
        let mut alone = [Family::of(related(conn, &[object])?.0)];
        read_orders(conn, &mut alone)?;
        let [family] = alone;
        self.alone = family;
        Ok(&mut self.alone)
    }
}

/// Everything that these lead to, themselves among it, and whether there would have been more.
fn related(conn: &mut Conn, objects: &[&Object]) -> QueryResult<(BTreeMap<String, Object>, bool)> {
    let mut found: BTreeMap<String, Object> = objects.iter().map(|object| (object.object_id.clone(), (*object).clone())).collect();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut ask: BTreeSet<String> = found.values().flat_map(ids).collect();
    for _ in 0..STEPS_MAX {
        if ask.is_empty() || found.len() >= OBJECTS_MAX {
            break;
        }
        let around = queries::around(conn, &ask.iter().cloned().collect::<Vec<_>>(), i64::try_from(OBJECTS_MAX).unwrap_or(i64::MAX))?;
        asked.append(&mut ask);
        found.extend(around.into_iter().map(|object| (object.object_id.clone(), object)));
        ask = found.values().flat_map(ids).filter(|id| !asked.contains(id)).collect();
    }
    let is_cut_short = found.len() >= OBJECTS_MAX;
    Ok((found, is_cut_short))
}

/// Sorts objects into those that share a name.
fn apart(objects: BTreeMap<String, Object>) -> Vec<BTreeMap<String, Object>> {
    let mut groups: Vec<(BTreeSet<String>, BTreeMap<String, Object>)> = Vec::new();
    for (id, object) in objects {
        let mut names: BTreeSet<String> = ids(&object).collect();
        let mut together = BTreeMap::from([(id, object)]);
        for (mut more_names, mut more) in groups.extract_if(.., |(theirs, _)| !theirs.is_disjoint(&names)).collect::<Vec<_>>() {
            names.append(&mut more_names);
            together.append(&mut more);
        }
        groups.push((names, together));
    }
    groups.into_iter().map(|(_, together)| together).collect()
}

/// Gives families their orders, and what these have besides.
fn read_orders(conn: &mut Conn, families: &mut [Family]) -> QueryResult<()> {
    let objects = || families.iter().flat_map(|family| family.objects.values());
    let ids: BTreeSet<OrderId> = objects().filter_map(|object| object.order_id).collect();
    let references: BTreeSet<String> = objects().filter_map(|object| object.reference.clone()).collect();
    if ids.is_empty() && references.is_empty() {
        return Ok(());
    }
    let orders = queries::named(conn, &Vec::from_iter(ids), &Vec::from_iter(references))?;
    let most = i64::try_from(OBJECTS_MAX * families.len()).unwrap_or(i64::MAX);
    let theirs = queries::objects_of_all(conn, &orders.iter().map(|order| order.id).collect::<Vec<_>>(), most)?;
    for family in families {
        let its: Vec<&Order> = orders.iter().filter(|order| family.belongs_to(order)).collect();
        for order in its {
            family.others.extend(theirs.iter().filter(|object| object.order_id == Some(order.id)).cloned());
            family.orders.insert(order.id, order.clone());
        }
    }
    Ok(())
}

impl Family {
    fn of(objects: BTreeMap<String, Object>) -> Self {
        Self { objects, ..Self::default() }
    }

    fn belongs_to(&self, order: &Order) -> bool {
        let names_it = |object: &Object| object.reference.is_some() && object.reference == order.reference;
        self.objects.values().any(|object| object.order_id == Some(order.id) || names_it(object))
    }

    /// The order that one of its objects is in, else the first that the family has.
    pub fn order_of(&self, object_id: &str) -> Option<OrderId> {
        let own = self.objects.get(object_id).and_then(|object| object.order_id);
        own.or_else(|| self.orders.keys().next().copied())
    }

    /// An order as it was read.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// What belongs to an order, or will: the family and what the order had besides, without what belongs to another order.
    pub fn objects_of(&self, order: Option<OrderId>) -> Vec<Object> {
        let is_its = |object: &&Object| object.order_id.is_none() || object.order_id == order;
        let all: BTreeMap<&String, &Object> =
            self.others.iter().chain(self.objects.values()).filter(is_its).map(|object| (&object.object_id, object)).collect();
        all.into_values().cloned().collect()
    }

    /// Gives those without an order to one. Returns which.
    pub fn join(&mut self, order: &Order) -> Vec<String> {
        let mut joined = Vec::new();
        for object in self.objects.values_mut().filter(|object| object.order_id.is_none()) {
            object.order_id = Some(order.id);
            joined.push(object.object_id.clone());
        }
        self.orders.insert(order.id, order.clone());
        joined
    }
}

/// What an object is, and what it names that joins.
fn ids(object: &Object) -> impl Iterator<Item = String> {
    [Some(&object.object_id), object.payment.as_ref(), object.charge.as_ref(), object.invoice.as_ref()].into_iter().flatten().cloned()
}
