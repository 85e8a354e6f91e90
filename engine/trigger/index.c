/* Which alternatives may match, given a value: one table for all fields and kinds. An entry is found by its exact key,
 * or by a part of the value (each length that some prefix, suffix or network of the field has). It need not be exact:
 * what it finds is checked. */
#include <stdlib.h>
#include <string.h>

#include "engine/trigger/fold.h"
#include "engine/trigger/set.h"

#define FNV_PRIME UINT64_C(0x100000001B3)
#define GRAVE ((entry *)(uintptr_t)1)

bool listing_push(listing *list, uint32_t item)
{
    if (list->count == list->room) {
        uint32_t room = list->room ? list->room * 2 : 1;
        uint32_t *grown = realloc(list->items, room * sizeof *grown);
        if (!grown) return false;
        list->items = grown;
        list->room = room;
    }
    list->items[list->count++] = item;
    return true;
}

/* Paths. */

static uint32_t hash_name(const char *name, size_t len)
{
    uint64_t hash = len * UINT64_C(0x9E3779B97F4A7C15);
    while (len >= 8) {
        uint64_t word;
        memcpy(&word, name, 8);
        hash = (hash ^ word) * UINT64_C(0xFF51AFD7ED558CCD);
        hash ^= hash >> 32;
        name += 8;
        len -= 8;
    }
    uint64_t word = 0;
    memcpy(&word, name, len);
    hash = (hash ^ word) * UINT64_C(0xFF51AFD7ED558CCD);
    return (uint32_t)(hash >> 32);
}

path *path_child(const path *parent, const char *name, size_t len)
{
    if (parent->children == 0) return NULL;
    uint32_t hash = hash_name(name, len), mask = parent->table_size - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        path *child = parent->table[at];
        if (!child) return NULL;
        if (child->hash == hash && child->name_len == len && memcmp(child->name, name, len) == 0) return child;
    }
}

static void place_child(path **table, uint32_t size, path *child)
{
    uint32_t at = child->hash & (size - 1);
    while (table[at]) at = (at + 1) & (size - 1);
    table[at] = child;
}

static bool grow_children(path *parent)
{
    uint32_t size = parent->table_size ? parent->table_size * 2 : 4;
    path **table = calloc(size, sizeof(*table));
    if (!table) return false;
    for (uint32_t i = 0; i < parent->table_size; i++) {
        if (parent->table[i]) place_child(table, size, parent->table[i]);
    }
    free(parent->table);
    parent->table = table;
    parent->table_size = size;
    return true;
}

/* Take a child out of the table, and close the hole for those that were placed past it. */
static void unplace_child(path *parent, const path *child)
{
    uint32_t mask = parent->table_size - 1, hole = child->hash & mask;
    while (parent->table[hole] != child) hole = (hole + 1) & mask;
    parent->table[hole] = NULL;
    for (uint32_t at = (hole + 1) & mask; parent->table[at]; at = (at + 1) & mask) {
        uint32_t home = parent->table[at]->hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        parent->table[hole] = parent->table[at];
        parent->table[at] = NULL;
        hole = at;
    }
    parent->children--;
}

static path *add_child(trigger_set *set, path *parent, const char *name, size_t len)
{
    if ((parent->children + 1) * 2 > parent->table_size) {
        if (!grow_children(parent)) return NULL;
    }
    path *child = calloc(1, sizeof *child);
    if (!child) return NULL;
    child->name = malloc(len + 1);
    if (!child->name) {
        free(child);
        return NULL;
    }
    memcpy(child->name, name, len);
    child->name[len] = '\0';
    child->name_len = (uint32_t)len;
    child->hash = hash_name(name, len);
    child->parent = parent;
    child->id = ++set->last_path;
    place_child(parent->table, parent->table_size, child);
    parent->children++;
    set->path_bytes += sizeof *child + len;
    return child;
}

/* Free the childless paths from `p` upwards that nobody uses. */
static void prune(trigger_set *set, path *p)
{
    while (p->parent && p->uses == 0) {
        path *parent = p->parent;
        set->path_bytes -= sizeof *p + p->name_len;
        unplace_child(parent, p);
        for (int kind = 0; kind < KEY_KINDS; kind++) free(p->by_kind[kind].items);
        free(p->name);
        free(p->table);
        free(p);
        p = parent;
    }
}

path *path_take(trigger_set *set, const char *name, size_t len)
{
    path *p = &set->root;
    const char *end = name + len;
    for (;;) {
        const char *dot = memchr(name, '.', (size_t)(end - name));
        size_t step = (size_t)((dot ? dot : end) - name);
        path *child = path_child(p, name, step);
        if (!child) child = add_child(set, p, name, step);
        if (!child) {
            prune(set, p);
            return NULL;
        }
        p = child;
        if (!dot) break;
        name = dot + 1;
    }
    p->fields++;
    for (path *up = p; up; up = up->parent) up->uses++;
    return p;
}

void path_drop(trigger_set *set, path *p)
{
    p->fields--;
    for (path *up = p; up; up = up->parent) up->uses--;
    prune(set, p);
}

/* Entries. */

static uint64_t seed(const path *field, key_kind kind)
{
    uint64_t id = field ? field->id : 0;
    return (id * KEY_KINDS + (uint64_t)kind + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t hash_more(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) hash = (hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
    return hash;
}

/* The low bits of FNV-1a depend on few bits of the text. */
static uint64_t finish(uint64_t hash)
{
    hash ^= hash >> 29;
    hash *= UINT64_C(0xBF58476D1CE4E5B9);
    return hash ^ hash >> 32;
}

static entry *find(const trigger_set *set, const path *field, key_kind kind, const char *bytes, size_t len,
                   uint64_t hash)
{
    if (set->entry_room == 0) return NULL;
    size_t mask = set->entry_room - 1;
    for (size_t at = hash & mask; set->entries[at]; at = (at + 1) & mask) {
        entry *e = set->entries[at];
        if (e != GRAVE && e->hash == hash && e->field == field && e->kind == kind && e->len == len &&
            memcmp(e->bytes, bytes, len) == 0)
            return e;
    }
    return NULL;
}

static bool grow_entries(trigger_set *set)
{
    if ((set->entry_count + set->entry_graves + 1) * 2 <= set->entry_room) return true;
    size_t room = 64;
    while (room < (set->entry_count + 1) * 4) room *= 2;
    entry **table = calloc(room, sizeof(*table));
    if (!table) return false;
    for (size_t i = 0; i < set->entry_room; i++) {
        entry *e = set->entries[i];
        if (!e || e == GRAVE) continue;
        size_t at = e->hash & (room - 1);
        while (table[at]) at = (at + 1) & (room - 1);
        table[at] = e;
    }
    free(set->entries);
    set->entries = table;
    set->entry_room = room;
    set->entry_graves = 0;
    return true;
}

static bool count_length(path *field, key_kind kind, uint32_t length, bool up)
{
    lengths *all = &field->by_kind[kind];
    uint32_t at = 0;
    while (at < all->count && all->items[at].length < length) at++;
    bool there = at < all->count && all->items[at].length == length;
    if (!up) {
        if (--all->items[at].uses) return true;
        memmove(all->items + at, all->items + at + 1, (--all->count - at) * sizeof(*all->items));
        return true;
    }
    if (!there) {
        if (all->count == all->room) {
            uint32_t room = all->room ? all->room * 2 : 2;
            void *grown = realloc(all->items, room * sizeof(*all->items));
            if (!grown) return false;
            all->items = grown;
            all->room = room;
        }
        memmove(all->items + at + 1, all->items + at, (all->count++ - at) * sizeof(*all->items));
        all->items[at].length = length;
        all->items[at].uses = 0;
    }
    all->items[at].uses++;
    return true;
}

/* What an entry is found by. */
typedef struct key {
    path *field;
    key_kind kind;
    const char *bytes;
    uint32_t len, length; /* `length`: how much of a value, or how many bits */
    uint64_t hash;
    unsigned likely;
    char buffer[24];
} key;

static void set_key(key *k, key_kind kind, const char *bytes, size_t len, size_t length, unsigned likely)
{
    k->kind = kind;
    k->bytes = bytes;
    k->len = (uint32_t)len;
    k->length = (uint32_t)length;
    k->likely = likely;
}

static void key_of_text(const predicate *p, key *k)
{
    size_t tail = p->piece_count ? p->pieces[p->piece_count - 1] : 0;
    switch (p->kind) {
    case PREDICATE_PREFIX:
        if (p->len) set_key(k, p->fold ? KEY_PREFIX_FOLDED : KEY_PREFIX, p->text, p->len, p->len, 0);
        break;
    case PREDICATE_SUFFIX:
        if (p->len) set_key(k, p->fold ? KEY_SUFFIX_FOLDED : KEY_SUFFIX, p->text, p->len, p->len, 0);
        break;
    default: /* a wildcard: by what stands before its first star, or after its last */
        if (p->piece_count == 1)
            set_key(k, KEY_STRING, p->text, p->len, p->len, 0);
        else if (p->pieces[0] && p->pieces[0] >= tail)
            set_key(k, KEY_PREFIX, p->text, p->pieces[0], p->pieces[0], 0);
        else if (tail)
            set_key(k, KEY_SUFFIX, p->text + p->len - tail, tail, tail, 0);
        break;
    }
}

static void key_of(path *field, const predicate *p, key *k)
{
    *k = (key){.field = field};
    set_key(k, KEY_PRESENT, "", 0, 0, p->kind == PREDICATE_RANGE ? 1 : 2);
    switch (p->kind) {
    case PREDICATE_STRING: set_key(k, p->fold ? KEY_STRING_FOLDED : KEY_STRING, p->text, p->len, p->len, 0); break;
    case PREDICATE_WORD: set_key(k, KEY_WORD, p->text, p->len, p->len, 1); break;
    case PREDICATE_NUMBER:
        memcpy(k->buffer, &p->low, sizeof p->low);
        if (p->has_number)
            set_key(k, KEY_NUMBER, k->buffer, sizeof p->low, sizeof p->low, 0);
        else
            set_key(k, KEY_NUMBER_TEXT, p->text, p->len, p->len, 0);
        break;
    case PREDICATE_NET:
        if (p->bits) {
            address net = p->from;
            address_mask(&net, p->bits);
            memcpy(k->buffer, net.bytes, net.size);
            k->buffer[net.size] = (char)p->bits;
            set_key(k, net.size == 4 ? KEY_NET4 : KEY_NET6, k->buffer, net.size + 1, p->bits, 0);
        }
        break;
    case PREDICATE_PREFIX:
    case PREDICATE_SUFFIX:
    case PREDICATE_WILDCARD: key_of_text(p, k); break;
    case PREDICATE_ABSENT:
        k->field = NULL;
        set_key(k, KEY_ABSENT, "", 0, 0, 3);
        break;
    default: break;
    }
    uint64_t hash = seed(k->field, k->kind);
    if (k->kind == KEY_SUFFIX || k->kind == KEY_SUFFIX_FOLDED) {
        for (size_t i = k->len; i > 0; i--) hash = hash_more(hash, k->bytes + i - 1, 1);
    } else {
        hash = hash_more(hash, k->bytes, k->len);
    }
    k->hash = finish(hash);
}

static bool has_lengths(key_kind kind)
{
    return kind != KEY_PRESENT && kind != KEY_ABSENT;
}

static entry *make_entry(trigger_set *set, const key *k)
{
    if (!grow_entries(set)) return NULL;
    entry *e = calloc(1, sizeof *e);
    char *bytes = e ? malloc(k->len + 1) : NULL;
    if (!bytes || (has_lengths(k->kind) && !count_length(k->field, k->kind, k->length, true))) {
        free(bytes);
        free(e);
        return NULL;
    }
    memcpy(bytes, k->bytes, k->len);
    *e = (entry){.hash = k->hash, .field = k->field, .kind = k->kind, .len = k->len, .bytes = bytes};
    size_t at = e->hash & (set->entry_room - 1);
    while (set->entries[at] && set->entries[at] != GRAVE) at = (at + 1) & (set->entry_room - 1);
    if (set->entries[at] == GRAVE) set->entry_graves--;
    set->entries[at] = e;
    set->entry_count++;
    set->path_bytes += sizeof *e + k->len;
    if (k->kind == KEY_PRESENT && k->field) k->field->present = e;
    if (k->kind == KEY_ABSENT) set->always = e;
    return e;
}

static void drop_entry(trigger_set *set, entry *e, const key *k)
{
    size_t at = e->hash & (set->entry_room - 1);
    while (set->entries[at] != e) at = (at + 1) & (set->entry_room - 1);
    set->entries[at] = GRAVE;
    set->entry_graves++;
    set->entry_count--;
    set->path_bytes -= sizeof *e + e->len;
    if (has_lengths(e->kind)) count_length(e->field, e->kind, k->length, false);
    if (e->kind == KEY_PRESENT) e->field->present = NULL;
    if (e->kind == KEY_ABSENT) set->always = NULL;
    free(e->hanging.items);
    free(e->bytes);
    free(e);
}

uint32_t index_load(const trigger_set *set, const condition *c, unsigned *likely)
{
    uint32_t load = 0;
    *likely = 0;
    for (size_t i = 0; i < c->count; i++) {
        key k;
        key_of(c->path, &c->predicates[i], &k);
        const entry *e = find(set, k.field, k.kind, k.bytes, k.len, k.hash);
        if (e) load += e->hanging.count;
        if (k.likely > *likely) *likely = k.likely;
    }
    return load;
}

void index_remove(trigger_set *set, const condition *c, uint32_t number)
{
    for (size_t i = 0; i < c->count; i++) {
        key k;
        key_of(c->path, &c->predicates[i], &k);
        entry *e = find(set, k.field, k.kind, k.bytes, k.len, k.hash);
        if (!e) continue;
        for (uint32_t at = 0; at < e->hanging.count; at++) {
            if (e->hanging.items[at] != number) continue;
            e->hanging.items[at] = e->hanging.items[--e->hanging.count];
            break;
        }
        if (e->hanging.count == 0) drop_entry(set, e, &k);
    }
}

bool index_add(trigger_set *set, const condition *c, uint32_t number)
{
    for (size_t i = 0; i < c->count; i++) {
        key k;
        key_of(c->path, &c->predicates[i], &k);
        entry *e = find(set, k.field, k.kind, k.bytes, k.len, k.hash);
        if (!e) e = make_entry(set, &k);
        if (!e || !listing_push(&e->hanging, number)) {
            index_remove(set, c, number);
            return false;
        }
    }
    return true;
}

/* Looking up. */

static void take(trigger_set *set, const entry *e)
{
    if (!e) return;
    for (uint32_t i = 0; i < e->hanging.count; i++) {
        branch *b = &set->branches[e->hanging.items[i]];
        if (b->generation == set->generation) continue;
        b->generation = set->generation;
        if (!listing_push(&set->candidates, e->hanging.items[i])) set->out_of_memory = true;
    }
}

static void find_whole(trigger_set *set, path *field, key_kind kind, const char *text, size_t len)
{
    const lengths *all = &field->by_kind[kind];
    if (all->count == 0 || len > all->items[all->count - 1].length || len < all->items[0].length) return;
    take(set, find(set, field, kind, text, len, finish(hash_more(seed(field, kind), text, len))));
}

static void find_starts(trigger_set *set, path *field, key_kind kind, const char *text, size_t len)
{
    const lengths *all = &field->by_kind[kind];
    uint64_t hash = seed(field, kind);
    size_t done = 0;
    for (uint32_t i = 0; i < all->count && all->items[i].length <= len; i++) {
        hash = hash_more(hash, text + done, all->items[i].length - done);
        done = all->items[i].length;
        take(set, find(set, field, kind, text, done, finish(hash)));
    }
}

static void find_ends(trigger_set *set, path *field, key_kind kind, const char *text, size_t len)
{
    const lengths *all = &field->by_kind[kind];
    uint64_t hash = seed(field, kind);
    size_t done = 0;
    for (uint32_t i = 0; i < all->count && all->items[i].length <= len; i++) {
        for (; done < all->items[i].length; done++) hash = hash_more(hash, text + len - done - 1, 1);
        take(set, find(set, field, kind, text + len - done, done, finish(hash)));
    }
}

static void find_net(trigger_set *set, path *field, const value *v)
{
    address found;
    if (field->by_kind[KEY_NET4].count + field->by_kind[KEY_NET6].count == 0) return;
    if (!address_parse(v->text, v->len, &found)) return;
    key_kind kind = found.size == 4 ? KEY_NET4 : KEY_NET6;
    const lengths *all = &field->by_kind[kind];
    for (uint32_t i = all->count; i > 0; i--) {
        char bytes[17];
        address_mask(&found, all->items[i - 1].length);
        memcpy(bytes, found.bytes, found.size);
        bytes[found.size] = (char)all->items[i - 1].length;
        size_t len = found.size + 1;
        take(set, find(set, field, kind, bytes, len, finish(hash_more(seed(field, kind), bytes, len))));
    }
}

static void find_folded(trigger_set *set, path *field, const value *v)
{
    const lengths *kinds = field->by_kind;
    if (kinds[KEY_STRING_FOLDED].count + kinds[KEY_PREFIX_FOLDED].count + kinds[KEY_SUFFIX_FOLDED].count == 0) return;
    if (!set_reserve_fold(set, v->len)) return;
    size_t len = fold_case(v->text, v->len, set->fold);
    find_whole(set, field, KEY_STRING_FOLDED, set->fold, len);
    find_starts(set, field, KEY_PREFIX_FOLDED, set->fold, len);
    find_ends(set, field, KEY_SUFFIX_FOLDED, set->fold, len);
}

void index_find(trigger_set *set, path *field, value *v)
{
    take(set, field->present);
    double number;
    switch (v->kind) {
    case VALUE_STRING:
        find_whole(set, field, KEY_STRING, v->text, v->len);
        find_starts(set, field, KEY_PREFIX, v->text, v->len);
        find_ends(set, field, KEY_SUFFIX, v->text, v->len);
        find_folded(set, field, v);
        find_net(set, field, v);
        break;
    case VALUE_WORD: find_whole(set, field, KEY_WORD, v->text, v->len); break;
    case VALUE_NUMBER:
        find_whole(set, field, KEY_NUMBER_TEXT, v->text, v->len);
        if (field->by_kind[KEY_NUMBER].count && value_number(v, &number)) {
            char bytes[sizeof number];
            memcpy(bytes, &number, sizeof number);
            find_whole(set, field, KEY_NUMBER, bytes, sizeof bytes);
        }
        break;
    }
}
