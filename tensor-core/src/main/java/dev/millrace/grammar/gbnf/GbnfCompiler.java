package dev.millrace.grammar.gbnf;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.automaton.Pattern;
import dev.millrace.grammar.automaton.TableAutomaton;
import dev.millrace.grammar.machine.Node;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Compiles a grammar to nodes. What refers to nothing that comes back to itself is regular, and
 * becomes one automaton if it isn't too large; the rest keeps its shape.
 */
public final class GbnfCompiler {
  private static final String ROOT = "root";

  /** Characters of a pattern, with everything repeated that it repeats: beyond, shape is kept. */
  private static final long MAX_PATTERN = 300;

  /** Of what may be empty: each empty round is a step of the machine. */
  private static final int MAX_EMPTY_ROUNDS = 16;

  private static final long NOT_REGULAR = Long.MAX_VALUE;

  private final Map<String, Expression> grammar;
  private final Budget budget;
  private final Set<String> nullable = new HashSet<>();
  private final Map<String, Long> sizes = new HashMap<>();
  private final Map<String, Pattern> patterns = new HashMap<>();
  private final Map<String, Node.Rule> rules = new HashMap<>();
  private final Deque<String> open = new ArrayDeque<>();

  private GbnfCompiler(Map<String, Expression> grammar, Budget budget) {
    this.grammar = grammar;
    this.budget = budget;
  }

  /**
   * @param grammar whose first rule to be followed is called root
   * @throws FormatException saying what is wrong
   */
  public static Node compile(String grammar, Budget budget) {
    GbnfCompiler compiler = new GbnfCompiler(GbnfParser.parse(grammar), budget);
    if (!compiler.grammar.containsKey(ROOT)) {
      throw new FormatException("", "has no rule called " + ROOT);
    }
    compiler.checkCalls();
    compiler.findNullable();
    compiler.refuseLeftRecursion();
    compiler.measure();
    return compiler.compile();
  }

  private Node compile() {
    Node root = rule(ROOT);
    for (String name = open.poll(); name != null; name = open.poll()) {
      rule(name).define(node(definition(name)));
    }
    return root;
  }

  private Expression definition(String name) {
    Expression definition = grammar.get(name);
    if (definition == null) {
      throw new FormatException("", "has no rule called " + name);
    }
    return definition;
  }

  private Node.Rule rule(String name) {
    Node.Rule known = rules.get(name);
    if (known == null) {
      known = new Node.Rule();
      rules.put(name, known);
      open.add(name);
    }
    return known;
  }

  // ---- what is asked about rules before

  private void checkCalls() {
    grammar.values().forEach(definition -> calls(definition).forEach(this::definition));
  }

  private Set<String> calls(Expression expression) {
    budget.spend(1);
    Set<String> calls = new HashSet<>();
    if (expression instanceof Expression.Call call) {
      calls.add(call.rule());
    }
    expression.children().forEach(child -> calls.addAll(calls(child)));
    return calls;
  }

  private void findNullable() {
    boolean changed = true;
    while (changed) {
      changed = false;
      for (Map.Entry<String, Expression> rule : grammar.entrySet()) {
        changed |= isNullable(rule.getValue()) && nullable.add(rule.getKey());
      }
    }
  }

  private boolean isNullable(Expression expression) {
    budget.spend(1);
    return switch (expression) {
      case Expression.Match _ -> false;
      case Expression.Call call -> nullable.contains(call.rule());
      case Expression.Sequence sequence -> sequence.parts().stream().allMatch(this::isNullable);
      case Expression.Either either -> either.options().stream().anyMatch(this::isNullable);
      case Expression.Repeat repeat -> repeat.least() == 0 || isNullable(repeat.repeated());
    };
  }

  /** A rule that may begin with itself would never come to its first character. */
  private void refuseLeftRecursion() {
    Map<String, Set<String>> begins = new HashMap<>();
    grammar.forEach((name, definition) -> begins.put(name, begins(definition)));
    Set<String> circular = circular(begins);
    if (!circular.isEmpty()) {
      throw new FormatException(
          "",
          "the rule "
              + circular.iterator().next()
              + " may begin with itself: left recursion isn't supported");
    }
  }

  private Set<String> begins(Expression expression) {
    budget.spend(1);
    Set<String> begins = new HashSet<>();
    switch (expression) {
      case Expression.Match _ -> {}
      case Expression.Call call -> begins.add(call.rule());
      case Expression.Either either ->
          either.options().forEach(option -> begins.addAll(begins(option)));
      case Expression.Repeat repeat -> begins.addAll(begins(repeat.repeated()));
      case Expression.Sequence sequence -> {
        for (Expression part : sequence.parts()) {
          begins.addAll(begins(part));
          if (!isNullable(part)) {
            break;
          }
        }
      }
    }
    return begins;
  }

  /**
   * Those that are on a circle, or lead to one only: what is left when the others are taken out.
   */
  private Set<String> circular(Map<String, Set<String>> leads) {
    Map<String, Set<String>> left = new HashMap<>();
    leads.forEach((name, to) -> left.put(name, new HashSet<>(to)));
    boolean changed = true;
    while (changed) {
      Set<String> done = new HashSet<>();
      left.forEach(
          (name, to) -> {
            budget.spend(1 + to.size());
            to.retainAll(left.keySet());
            if (to.isEmpty()) {
              done.add(name);
            }
          });
      left.keySet().removeAll(done);
      changed = !done.isEmpty();
    }
    return left.keySet();
  }

  /** Sizes of patterns, for rules that are regular; callers come behind what they call. */
  private void measure() {
    Map<String, Set<String>> calls = new HashMap<>();
    grammar.forEach((name, definition) -> calls.put(name, calls(definition)));
    circular(calls).forEach(name -> sizes.put(name, NOT_REGULAR));
    boolean changed = true;
    while (changed) {
      changed = false;
      for (String name : grammar.keySet()) {
        budget.spend(1 + calls.getOrDefault(name, Set.of()).size());
        if (!sizes.containsKey(name)
            && sizes.keySet().containsAll(calls.getOrDefault(name, Set.of()))) {
          sizes.put(name, size(definition(name)));
          changed = true;
        }
      }
    }
  }

  private long size(Expression expression) {
    budget.spend(1);
    long size =
        switch (expression) {
          case Expression.Match _ -> 1;
          case Expression.Call call -> { // one more: whoever reads a chain of rules recurs
            long called = sizes.getOrDefault(call.rule(), NOT_REGULAR);
            yield called == NOT_REGULAR ? called : called + 1;
          }
          case Expression.Sequence sequence -> sum(sequence.parts());
          case Expression.Either either -> sum(either.options());
          case Expression.Repeat repeat -> {
            long rounds = repeat.most() == Integer.MAX_VALUE ? repeat.least() + 1 : repeat.most();
            long one = size(repeat.repeated());
            yield one == NOT_REGULAR ? one : Math.max(1, one) * Math.max(1, rounds);
          }
        };
    return size > MAX_PATTERN ? NOT_REGULAR : size;
  }

  private long sum(List<Expression> parts) {
    long sum = 1;
    for (Expression part : parts) {
      long size = size(part);
      if (size == NOT_REGULAR) {
        return NOT_REGULAR;
      }
      sum += size;
    }
    return sum;
  }

  // ---- nodes

  private Node node(Expression expression) {
    if (size(expression) != NOT_REGULAR) {
      Automaton texts = Automaton.of(pattern(expression), budget);
      return new Node.Terminal(TableAutomaton.ofText(texts, budget));
    }
    return switch (expression) {
      case Expression.Match _ -> throw new IllegalStateException("a character is regular");
      case Expression.Call call -> rule(call.rule());
      case Expression.Sequence sequence -> new Node.Sequence(nodes(sequence.parts(), false));
      case Expression.Either either -> new Node.Either(nodes(either.options(), true));
      case Expression.Repeat repeat -> repeat(repeat);
    };
  }

  private Node repeat(Expression.Repeat repeat) {
    boolean empty = isNullable(repeat.repeated());
    int least = empty ? 0 : repeat.least(); // empty rounds are always to be had
    if (empty && repeat.most() != Integer.MAX_VALUE && repeat.most() > MAX_EMPTY_ROUNDS) {
      throw new FormatException(
          "",
          "repeats up to "
              + repeat.most()
              + " times what may be empty; at most "
              + MAX_EMPTY_ROUNDS
              + " times, or without a limit");
    }
    return new Node.Repeat(node(repeat.repeated()), least, repeat.most());
  }

  /** Neighbours that are regular together become one. */
  private List<Node> nodes(List<Expression> expressions, boolean options) {
    List<Node> nodes = new ArrayList<>();
    List<Expression> regular = new ArrayList<>();
    for (Expression each : expressions) {
      regular.add(each);
      if (size(join(regular, options)) == NOT_REGULAR) {
        regular.removeLast();
        if (!regular.isEmpty()) {
          nodes.add(node(join(regular, options)));
          regular.clear();
        }
        if (size(each) == NOT_REGULAR) {
          nodes.add(node(each));
        } else {
          regular.add(each);
        }
      }
    }
    if (!regular.isEmpty()) {
      nodes.add(node(join(regular, options)));
    }
    return nodes;
  }

  private static Expression join(List<Expression> expressions, boolean options) {
    if (expressions.size() == 1) {
      return expressions.getFirst();
    }
    return options
        ? new Expression.Either(List.copyOf(expressions))
        : new Expression.Sequence(List.copyOf(expressions));
  }

  private Pattern pattern(Expression expression) {
    return switch (expression) {
      case Expression.Match match -> new Pattern.OneOf(match.characters());
      case Expression.Call call -> {
        Pattern known = patterns.get(call.rule());
        if (known == null) {
          known = pattern(definition(call.rule()));
          patterns.put(call.rule(), known);
        }
        yield known;
      }
      case Expression.Sequence sequence ->
          new Pattern.Sequence(sequence.parts().stream().map(this::pattern).toList());
      case Expression.Either either ->
          new Pattern.Either(either.options().stream().map(this::pattern).toList());
      case Expression.Repeat repeat ->
          new Pattern.Repeat(pattern(repeat.repeated()), repeat.least(), repeat.most());
    };
  }
}
