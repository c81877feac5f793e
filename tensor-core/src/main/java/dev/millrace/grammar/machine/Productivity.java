package dev.millrace.grammar.machine;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Finds the nodes that any text is one of, so that the machine never enters a part that it can't
 * leave again. Marks grow until nothing changes.
 */
final class Productivity {
  private Productivity() {}

  static void mark(Node root) {
    List<Node> nodes = reachable(root);
    boolean changed = true;
    while (changed) {
      changed = false;
      for (Node node : nodes.reversed()) { // leaves are found last
        if (!node.isProductive() && isProductive(node)) {
          node.markProductive();
          changed = true;
        }
      }
    }
  }

  /** A node and all that its parts are made of, each once. */
  static List<Node> reachable(Node root) {
    Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Node> nodes = new ArrayList<>(List.of(root));
    seen.add(root);
    for (int i = 0; i < nodes.size(); i++) {
      children(nodes.get(i)).filter(seen::add).forEach(nodes::add);
    }
    return nodes;
  }

  private static Stream<Node> children(Node node) {
    return switch (node) {
      case Node.Terminal _ -> Stream.of();
      case Node.Sequence sequence -> sequence.parts.stream();
      case Node.Either either -> either.options.stream();
      case Node.Repeat repeat -> Stream.of(repeat.repeated);
      case Node.Rule rule -> Stream.of(rule.definition());
      case Node.ItemList list -> Stream.concat(list.first.stream(), Stream.of(list.rest));
      case Node.MemberSet members -> members.values.stream();
    };
  }

  private static boolean isProductive(Node node) {
    return switch (node) {
      case Node.Terminal terminal -> isProductive(terminal);
      case Node.Sequence sequence -> sequence.parts.stream().allMatch(Node::isProductive);
      case Node.Either either -> either.options.stream().anyMatch(Node::isProductive);
      case Node.Repeat repeat -> repeat.least == 0 || repeat.repeated.isProductive();
      case Node.Rule rule -> rule.definition().isProductive();
      case Node.ItemList list -> list.least <= mostItems(list);
      case Node.MemberSet members -> canBeComplete(members);
    };
  }

  private static boolean isProductive(Node.Terminal terminal) {
    int start = terminal.automaton.start();
    return terminal.automaton.goesOn(start) || terminal.automaton.label(start) >= 0;
  }

  /** Items until the first that can't be; at most as many as allowed. */
  static int mostItems(Node.ItemList list) {
    int firsts = Math.min(list.first.size(), list.most);
    int possible =
        IntStream.range(0, firsts)
            .filter(i -> !list.first.get(i).isProductive())
            .findFirst()
            .orElse(firsts);
    return possible < list.first.size() || !list.rest.isProductive() ? possible : list.most;
  }

  private static boolean canBeComplete(Node.MemberSet members) {
    BitSet required = members.names.required();
    if (required.cardinality() > members.most
        || members.least > members.most
        || !required.stream().allMatch(label -> members.values.get(label).isProductive())) {
      return false;
    }
    BitSet possible = new BitSet();
    for (int label = 0; label < members.values.size(); label++) {
      possible.set(label, members.values.get(label).isProductive());
    }
    long single = possible.get(0, members.names.single()).cardinality();
    int start = members.names.first().start();
    return members.least <= single
        || members.least - single
            <= members.names.countOpen(members.names.first(), possible)[start];
  }
}
