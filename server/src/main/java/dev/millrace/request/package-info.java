/**
 * What a valid request is: from the contract's messages to records with every default filled in.
 */
@NullMarked
package dev.millrace.request;

import org.jspecify.annotations.NullMarked;
