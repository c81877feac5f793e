/** JSON documents from strangers: read strictly and within limits, and written again. */
@NullMarked
package dev.millrace.json;

import org.jspecify.annotations.NullMarked;
