package dev.millrace.assembler;

import java.util.ArrayList;
import java.util.List;

/** A place in the code; jumps may name it before it is bound. Belongs to one Assembler. */
public final class Label {
  static final int UNBOUND = -1;

  int position = UNBOUND;

  /** Where 32-bit displacements to this label wait for it to be bound. */
  final List<Integer> uses = new ArrayList<>();
}
