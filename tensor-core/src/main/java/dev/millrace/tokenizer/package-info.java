/** Text to ids and back, read from a model's metadata. */
@NullMarked
package dev.millrace.tokenizer;

import org.jspecify.annotations.NullMarked;
