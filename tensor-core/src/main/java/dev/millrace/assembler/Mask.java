package dev.millrace.assembler;

/**
 * AVX-512's predicate registers as write masks: lanes whose bit is 0 become 0 (zeroing) or stay. K0
 * means "no mask".
 */
public enum Mask {
  K0,
  K1,
  K2,
  K3,
  K4,
  K5,
  K6,
  K7
}
