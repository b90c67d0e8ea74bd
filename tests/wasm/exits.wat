(module
  (type (;0;) (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 0))
  (export "f0" (func 0))
  (func (;0;) (type 0) (param i32 i32) (result i32)
    (local i64 f64 i32 i64 i64 i64 i64 i32 i32 i64)
    block ;; label = @1
      block ;; label = @2
        block ;; label = @3
          block ;; label = @4
            block ;; label = @5
              block ;; label = @6
                block ;; label = @7
                  block ;; label = @8
                    block ;; label = @9
                      block ;; label = @10
                        block ;; label = @11
                          local.get 1
                          i32.load
                          local.tee 1
                          i64.load offset=40
                          local.set 2
                          local.get 1
                          f64.load offset=56
                          local.set 3
                          local.get 1
                          i32.load8_u offset=48
                          local.set 4
                          local.get 2
                          i64.const 5
                          i64.add
                          local.tee 5
                          local.get 2
                          i64.lt_s
                          (@metadata.code.branch_hint "\00")
                          br_if 3 (;@8;)
                          local.get 2
                          local.get 5
                          i64.sub
                          local.tee 6
                          local.get 2
                          i64.xor
                          local.get 2
                          local.get 5
                          i64.xor
                          i64.and
                          i64.const 0
                          i64.lt_s
                          (@metadata.code.branch_hint "\00")
                          br_if 4 (;@7;)
                          local.get 5
                          local.get 6
                          i64.mul
                          local.set 7
                          block ;; label = @12
                            block ;; label = @13
                              local.get 5
                              i64.extend32_s
                              local.get 5
                              i64.ne
                              (@metadata.code.branch_hint "\00")
                              br_if 0 (;@13;)
                              local.get 6
                              i64.extend32_s
                              local.get 6
                              i64.eq
                              br_if 1 (;@12;)
                            end
                            local.get 5
                            f64.convert_i64_s
                            local.get 6
                            f64.convert_i64_s
                            f64.mul
                            local.get 7
                            f64.convert_i64_s
                            f64.sub
                            f64.abs
                            f64.const 0x1p+63 (;=9223372036854776000;)
                            f64.gt
                            (@metadata.code.branch_hint "\00")
                            br_if 2 (;@10;)
                          end
                          local.get 4
                          i32.eqz
                          (@metadata.code.branch_hint "\00")
                          br_if 2 (;@9;)
                          local.get 4
                          i32.eqz
                          br_if 0 (;@11;)
                          local.get 7
                          i64.const 5
                          i64.mul
                          local.set 8
                          local.get 7
                          i64.const -1844674407370955161
                          i64.sub
                          i64.const 3689348814741910322
                          i64.gt_u
                          (@metadata.code.branch_hint "\00")
                          br_if 6 (;@5;)
                          local.get 1
                          local.get 8
                          i64.store offset=40
                          local.get 0
                          local.get 1
                          i64.extend_i32_u
                          i64.store
                          i32.const 0
                          return
                        end
                        br 1 (;@9;)
                      end
                      i64.const 2
                      local.set 11
                      br 3 (;@6;)
                    end
                    i64.const 3
                    local.set 11
                    br 2 (;@6;)
                  end
                  i64.const 0
                  local.set 11
                  local.get 0
                  i32.load offset=24
                  local.tee 9
                  i32.const 32
                  i32.add
                  local.set 10
                  br 4 (;@3;)
                end
                i64.const 1
                local.set 11
                local.get 0
                i32.load offset=24
                local.tee 9
                i32.const 40
                i32.add
                local.set 10
                br 2 (;@4;)
              end
              local.get 0
              i32.load offset=24
              local.tee 9
              i32.const 48
              i32.add
              local.set 10
              local.get 9
              local.get 6
              i64.store offset=40
              br 1 (;@4;)
            end
            i64.const 4
            local.set 11
            local.get 0
            i32.load offset=24
            local.tee 9
            i32.const 32
            i32.add
            local.set 10
            local.get 9
            local.get 7
            i64.store offset=24
            br 2 (;@2;)
          end
          local.get 9
          local.get 5
          i64.store offset=32
        end
        local.get 9
        local.get 2
        i64.store offset=24
      end
      local.get 9
      local.get 4
      i64.extend_i32_u
      i64.store offset=16
      local.get 9
      local.get 3
      f64.store offset=8
      local.get 9
      local.get 1
      i64.extend_i32_u
      i64.store
    end
    local.get 10
    local.get 11
    i64.store
    local.get 0
    local.get 10
    i32.const 8
    i32.add
    i32.store offset=24
    i32.const 1
    return
    unreachable
  )
)
