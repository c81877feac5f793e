/** JSON Schema (draft 2020-12), read to the machine's nodes. */
@NullMarked
package dev.millrace.grammar.schema;

import org.jspecify.annotations.NullMarked;
