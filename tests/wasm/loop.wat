(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 0))
  (import "rt" "101" (func (;0;) (type 0)))
  (export "f0" (func 1))
  (func (;1;) (type 1) (param i32 i32) (result i32)
    (local i64 i32 i64 i64 f64 i32 i64 i64 f64 i32 i32 i64 i32 i32)
    block ;; label = @1
      block ;; label = @2
        block ;; label = @3
          block ;; label = @4
            block ;; label = @5
              block ;; label = @6
                block ;; label = @7
                  block ;; label = @8
                    local.get 1
                    i32.load
                    local.tee 1
                    i64.load32_u offset=88
                    local.set 2
                    local.get 1
                    i32.load offset=80
                    local.set 3
                    i64.const 0
                    i64.const 0
                    f64.const 0x1p-1 (;=0.5;)
                    local.set 6
                    local.set 5
                    local.set 4
                    local.get 0
                    i32.load offset=8
                    local.tee 15
                    i32.const 1
                    i32.sub
                    i32.const 0
                    local.get 15
                    i32.const 0
                    i32.gt_s
                    select
                    local.set 14
                    block ;; label = @9
                      loop ;; label = @10
                        local.get 14
                        i32.const 4
                        i32.lt_s
                        (@metadata.code.branch_hint "\00")
                        if ;; label = @11
                          local.get 4
                          local.get 2
                          i64.ge_s
                          if ;; label = @12
                            local.get 0
                            local.get 14
                            i32.const 1
                            i32.add
                            i32.store offset=8
                            br 3 (;@9;)
                          end
                          local.get 3
                          local.get 4
                          i32.wrap_i64
                          i32.const 2
                          i32.shl
                          i32.add
                          i32.load
                          local.tee 7
                          i32.load offset=8
                          i32.const 65792
                          i32.ne
                          (@metadata.code.branch_hint "\00")
                          br_if 3 (;@8;)
                          local.get 7
                          i64.load offset=40
                          local.tee 8
                          local.get 5
                          i64.add
                          local.tee 9
                          local.get 8
                          i64.xor
                          local.get 9
                          local.get 5
                          i64.xor
                          i64.and
                          i64.const 0
                          i64.lt_s
                          (@metadata.code.branch_hint "\00")
                          br_if 4 (;@7;)
                          local.get 6
                          local.get 8
                          f64.convert_i64_s
                          f64.mul
                          local.set 10
                          local.get 4
                          i64.const 1
                          i64.add
                          local.set 4
                          local.get 14
                          i32.const 1
                          i32.sub
                          local.tee 14
                          i32.const 0
                          i32.lt_s
                          (@metadata.code.branch_hint "\00")
                          if ;; label = @12
                            local.get 0
                            i32.const 0
                            i32.store offset=8
                            local.get 0
                            call 0
                            local.get 0
                            i32.load offset=8
                            local.tee 15
                            i32.const 1
                            i32.sub
                            i32.const 0
                            local.get 15
                            i32.const 0
                            i32.gt_s
                            select
                            local.set 14
                            (@metadata.code.branch_hint "\00")
                            br_if 6 (;@6;)
                          end
                          local.get 9
                          local.get 10
                          local.set 6
                          local.set 5
                          br 1 (;@10;)
                        end
                        local.get 4
                        local.get 2
                        i64.ge_s
                        if ;; label = @11
                          local.get 0
                          local.get 14
                          i32.const 1
                          i32.add
                          i32.store offset=8
                          br 2 (;@9;)
                        end
                        local.get 3
                        local.get 4
                        i32.wrap_i64
                        i32.const 2
                        i32.shl
                        i32.add
                        i32.load
                        local.tee 7
                        i32.load offset=8
                        i32.const 65792
                        i32.ne
                        (@metadata.code.branch_hint "\00")
                        br_if 2 (;@8;)
                        local.get 7
                        i64.load offset=40
                        local.tee 8
                        local.get 5
                        i64.add
                        local.tee 9
                        local.get 8
                        i64.xor
                        local.get 9
                        local.get 5
                        i64.xor
                        i64.and
                        i64.const 0
                        i64.lt_s
                        (@metadata.code.branch_hint "\00")
                        br_if 3 (;@7;)
                        local.get 6
                        local.get 8
                        f64.convert_i64_s
                        f64.mul
                        local.set 10
                        local.get 4
                        i64.const 1
                        i64.add
                        local.set 4
                        local.get 14
                        i32.const 1
                        i32.sub
                        local.set 14
                        local.get 9
                        local.get 10
                        local.set 6
                        local.set 5
                        local.get 4
                        local.get 2
                        i64.ge_s
                        if ;; label = @11
                          local.get 0
                          local.get 14
                          i32.const 1
                          i32.add
                          i32.store offset=8
                          br 2 (;@9;)
                        end
                        local.get 3
                        local.get 4
                        i32.wrap_i64
                        i32.const 2
                        i32.shl
                        i32.add
                        i32.load
                        local.tee 7
                        i32.load offset=8
                        i32.const 65792
                        i32.ne
                        (@metadata.code.branch_hint "\00")
                        br_if 2 (;@8;)
                        local.get 7
                        i64.load offset=40
                        local.tee 8
                        local.get 5
                        i64.add
                        local.tee 9
                        local.get 8
                        i64.xor
                        local.get 9
                        local.get 5
                        i64.xor
                        i64.and
                        i64.const 0
                        i64.lt_s
                        (@metadata.code.branch_hint "\00")
                        br_if 3 (;@7;)
                        local.get 6
                        local.get 8
                        f64.convert_i64_s
                        f64.mul
                        local.set 10
                        local.get 4
                        i64.const 1
                        i64.add
                        local.set 4
                        local.get 14
                        i32.const 1
                        i32.sub
                        local.set 14
                        local.get 9
                        local.get 10
                        local.set 6
                        local.set 5
                        local.get 4
                        local.get 2
                        i64.ge_s
                        if ;; label = @11
                          local.get 0
                          local.get 14
                          i32.const 1
                          i32.add
                          i32.store offset=8
                          br 2 (;@9;)
                        end
                        local.get 3
                        local.get 4
                        i32.wrap_i64
                        i32.const 2
                        i32.shl
                        i32.add
                        i32.load
                        local.tee 7
                        i32.load offset=8
                        i32.const 65792
                        i32.ne
                        (@metadata.code.branch_hint "\00")
                        br_if 2 (;@8;)
                        local.get 7
                        i64.load offset=40
                        local.tee 8
                        local.get 5
                        i64.add
                        local.tee 9
                        local.get 8
                        i64.xor
                        local.get 9
                        local.get 5
                        i64.xor
                        i64.and
                        i64.const 0
                        i64.lt_s
                        (@metadata.code.branch_hint "\00")
                        br_if 3 (;@7;)
                        local.get 6
                        local.get 8
                        f64.convert_i64_s
                        f64.mul
                        local.set 10
                        local.get 4
                        i64.const 1
                        i64.add
                        local.set 4
                        local.get 14
                        i32.const 1
                        i32.sub
                        local.set 14
                        local.get 9
                        local.get 10
                        local.set 6
                        local.set 5
                        local.get 4
                        local.get 2
                        i64.ge_s
                        if ;; label = @11
                          local.get 0
                          local.get 14
                          i32.const 1
                          i32.add
                          i32.store offset=8
                          br 2 (;@9;)
                        end
                        local.get 3
                        local.get 4
                        i32.wrap_i64
                        i32.const 2
                        i32.shl
                        i32.add
                        i32.load
                        local.tee 7
                        i32.load offset=8
                        i32.const 65792
                        i32.ne
                        (@metadata.code.branch_hint "\00")
                        br_if 2 (;@8;)
                        local.get 7
                        i64.load offset=40
                        local.tee 8
                        local.get 5
                        i64.add
                        local.tee 9
                        local.get 8
                        i64.xor
                        local.get 9
                        local.get 5
                        i64.xor
                        i64.and
                        i64.const 0
                        i64.lt_s
                        (@metadata.code.branch_hint "\00")
                        br_if 3 (;@7;)
                        local.get 6
                        local.get 8
                        f64.convert_i64_s
                        f64.mul
                        local.set 10
                        local.get 4
                        i64.const 1
                        i64.add
                        local.set 4
                        local.get 14
                        i32.const 1
                        i32.sub
                        local.set 14
                        local.get 9
                        local.get 10
                        local.set 6
                        local.set 5
                        br 0 (;@10;)
                      end
                    end
                    local.get 0
                    local.get 5
                    local.get 6
                    i64.reinterpret_f64
                    i64.xor
                    i64.store
                    i32.const 0
                    return
                  end
                  local.get 0
                  local.get 14
                  i32.const 1
                  i32.add
                  i32.store offset=8
                  br 2 (;@5;)
                end
                local.get 0
                local.get 14
                i32.const 1
                i32.add
                i32.store offset=8
                br 2 (;@4;)
              end
              local.get 0
              local.get 14
              i32.const 1
              i32.add
              i32.store offset=8
              br 3 (;@2;)
            end
            i64.const 0
            local.set 13
            br 1 (;@3;)
          end
          i64.const 1
          local.set 13
        end
        local.get 0
        i32.load offset=24
        local.tee 11
        i32.const 40
        i32.add
        local.set 12
        local.get 11
        local.get 7
        i64.extend_i32_u
        i64.store offset=32
        local.get 11
        local.get 1
        i64.extend_i32_u
        i64.store offset=24
        local.get 11
        local.get 6
        f64.store offset=16
        local.get 11
        local.get 5
        i64.store offset=8
        local.get 11
        local.get 4
        i64.store
        br 1 (;@1;)
      end
      i64.const 2
      local.set 13
      local.get 0
      i32.load offset=24
      local.tee 11
      i32.const 32
      i32.add
      local.set 12
      local.get 11
      local.get 1
      i64.extend_i32_u
      i64.store offset=24
      local.get 11
      local.get 10
      f64.store offset=16
      local.get 11
      local.get 9
      i64.store offset=8
      local.get 11
      local.get 4
      i64.store
    end
    local.get 12
    local.get 13
    i64.store
    local.get 0
    local.get 12
    i32.const 8
    i32.add
    i32.store offset=24
    i32.const 1
    return
    unreachable
  )
)
