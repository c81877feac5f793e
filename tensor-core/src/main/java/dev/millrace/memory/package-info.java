/** Memory by the page, from the operating system: executable, or in huge pages. */
@NullMarked
package dev.millrace.memory;

import org.jspecify.annotations.NullMarked;
