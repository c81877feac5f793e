package dev.millrace.engine;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What each caller was served, in weighted tokens: the virtual token counter of Sheng et al.
 * (2024). Whoever has the least goes first. A caller that comes (again) starts from the least of
 * those that are there: nobody saves up by being away.
 */
final class Fairness {
  /** A token of output takes a step's row of its own; those of a prompt share one. */
  static final int OUTPUT_WEIGHT = 2;

  static final int PROMPT_WEIGHT = 1;

  /** Callers that are away are remembered up to so many, those that left last. */
  private static final int MOST_AWAY = 4_096;

  private static final class Account {
    private long served;
    private int requests;
  }

  private final Map<String, Account> present = new HashMap<>();
  private final Map<String, Account> away = new LinkedHashMap<>(); // who left longest ago first

  /** A caller has one more request here. */
  void arrive(String caller) {
    Account account = present.get(caller);
    if (account == null) {
      account = Objects.requireNonNullElseGet(away.remove(caller), Account::new);
      account.served = Math.max(account.served, leastServed());
      present.put(caller, account);
    }
    account.requests++;
  }

  private long leastServed() {
    long least = Long.MAX_VALUE;
    for (Account account : present.values()) {
      least = Math.min(least, account.served);
    }
    return least == Long.MAX_VALUE ? 0 : least;
  }

  /** A caller has one request fewer here. */
  void leave(String caller) {
    Account account = Objects.requireNonNull(present.get(caller));
    if (--account.requests == 0) {
      present.remove(caller);
      away.put(caller, account);
      if (away.size() > MOST_AWAY) {
        away.remove(away.keySet().iterator().next());
      }
    }
  }

  void charge(String caller, long weightedTokens) {
    Objects.requireNonNull(present.get(caller)).served += weightedTokens;
  }

  long served(String caller) {
    return Objects.requireNonNull(present.get(caller)).served;
  }

  boolean isEmpty() {
    return present.isEmpty();
  }
}
