/**
 * Chat templates: a small interpreter of Jinja that renders as Python's jinja2 does with the
 * settings of transformers. Sees data only; steps, memory, depth and time are bounded.
 */
@NullMarked
package dev.millrace.template;

import org.jspecify.annotations.NullMarked;
