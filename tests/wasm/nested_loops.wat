(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 0))
  (import "rt" "101" (func (;0;) (type 0)))
  (export "f0" (func 1))
  (func (;1;) (type 1) (param i32 i32) (result i32)
    (local i64 i64 i64 i64 i64 i64 i32 i32 i64 i32 i32)
    block ;; label = @1
      block ;; label = @2
        block ;; label = @3
          block ;; label = @4
            block ;; label = @5
              block ;; label = @6
                block ;; label = @7
                  local.get 1
                  i64.load
                  local.set 2
                  i64.const 0
                  i64.const 0
                  local.set 4
                  local.set 3
                  local.get 0
                  i32.load offset=8
                  local.tee 12
                  i32.const 1
                  i32.sub
                  i32.const 0
                  local.get 12
                  i32.const 0
                  i32.gt_s
                  select
                  local.set 11
                  block ;; label = @8
                    loop ;; label = @9
                      local.get 3
                      local.get 2
                      i64.ge_s
                      if ;; label = @10
                        local.get 0
                        local.get 11
                        i32.const 1
                        i32.add
                        i32.store offset=8
                        br 2 (;@8;)
                      end
                      i64.const 0
                      local.get 4
                      local.set 6
                      local.set 5
                      block ;; label = @10
                        loop ;; label = @11
                          local.get 11
                          i32.const 4
                          i32.lt_s
                          (@metadata.code.branch_hint "\00")
                          if ;; label = @12
                            local.get 5
                            local.get 3
                            i64.ge_s
                            br_if 2 (;@10;)
                            local.get 5
                            i64.const 3
                            i64.mul
                            local.set 7
                            local.get 5
                            i64.const -3074457345618258602
                            i64.sub
                            i64.const 6148914691236517204
                            i64.gt_u
                            (@metadata.code.branch_hint "\00")
                            br_if 5 (;@7;)
                            local.get 6
                            local.get 7
                            i64.xor
                            local.set 7
                            local.get 5
                            i64.const 1
                            i64.add
                            local.set 5
                            local.get 11
                            i32.const 1
                            i32.sub
                            local.tee 11
                            i32.const 0
                            i32.lt_s
                            (@metadata.code.branch_hint "\00")
                            if ;; label = @13
                              local.get 0
                              i32.const 0
                              i32.store offset=8
                              local.get 0
                              call 0
                              local.get 0
                              i32.load offset=8
                              local.tee 12
                              i32.const 1
                              i32.sub
                              i32.const 0
                              local.get 12
                              i32.const 0
                              i32.gt_s
                              select
                              local.set 11
                              (@metadata.code.branch_hint "\00")
                              br_if 7 (;@6;)
                            end
                            local.get 7
                            local.set 6
                            br 1 (;@11;)
                          end
                          local.get 5
                          local.get 3
                          i64.ge_s
                          br_if 1 (;@10;)
                          local.get 5
                          i64.const 3
                          i64.mul
                          local.set 7
                          local.get 5
                          i64.const -3074457345618258602
                          i64.sub
                          i64.const 6148914691236517204
                          i64.gt_u
                          (@metadata.code.branch_hint "\00")
                          br_if 4 (;@7;)
                          local.get 6
                          local.get 7
                          i64.xor
                          local.set 7
                          local.get 5
                          i64.const 1
                          i64.add
                          local.set 5
                          local.get 11
                          i32.const 1
                          i32.sub
                          local.set 11
                          local.get 7
                          local.set 6
                          local.get 5
                          local.get 3
                          i64.ge_s
                          br_if 1 (;@10;)
                          local.get 5
                          i64.const 3
                          i64.mul
                          local.set 7
                          local.get 5
                          i64.const -3074457345618258602
                          i64.sub
                          i64.const 6148914691236517204
                          i64.gt_u
                          (@metadata.code.branch_hint "\00")
                          br_if 4 (;@7;)
                          local.get 6
                          local.get 7
                          i64.xor
                          local.set 7
                          local.get 5
                          i64.const 1
                          i64.add
                          local.set 5
                          local.get 11
                          i32.const 1
                          i32.sub
                          local.set 11
                          local.get 7
                          local.set 6
                          local.get 5
                          local.get 3
                          i64.ge_s
                          br_if 1 (;@10;)
                          local.get 5
                          i64.const 3
                          i64.mul
                          local.set 7
                          local.get 5
                          i64.const -3074457345618258602
                          i64.sub
                          i64.const 6148914691236517204
                          i64.gt_u
                          (@metadata.code.branch_hint "\00")
                          br_if 4 (;@7;)
                          local.get 6
                          local.get 7
                          i64.xor
                          local.set 7
                          local.get 5
                          i64.const 1
                          i64.add
                          local.set 5
                          local.get 11
                          i32.const 1
                          i32.sub
                          local.set 11
                          local.get 7
                          local.set 6
                          local.get 5
                          local.get 3
                          i64.ge_s
                          br_if 1 (;@10;)
                          local.get 5
                          i64.const 3
                          i64.mul
                          local.set 7
                          local.get 5
                          i64.const -3074457345618258602
                          i64.sub
                          i64.const 6148914691236517204
                          i64.gt_u
                          (@metadata.code.branch_hint "\00")
                          br_if 4 (;@7;)
                          local.get 6
                          local.get 7
                          i64.xor
                          local.set 7
                          local.get 5
                          i64.const 1
                          i64.add
                          local.set 5
                          local.get 11
                          i32.const 1
                          i32.sub
                          local.set 11
                          local.get 7
                          local.set 6
                          br 0 (;@11;)
                        end
                      end
                      local.get 3
                      i64.const 1
                      i64.add
                      local.set 5
                      local.get 11
                      i32.const 1
                      i32.sub
                      local.tee 11
                      i32.const 0
                      i32.lt_s
                      (@metadata.code.branch_hint "\00")
                      if ;; label = @10
                        local.get 0
                        i32.const 0
                        i32.store offset=8
                        local.get 0
                        call 0
                        local.get 0
                        i32.load offset=8
                        local.tee 12
                        i32.const 1
                        i32.sub
                        i32.const 0
                        local.get 12
                        i32.const 0
                        i32.gt_s
                        select
                        local.set 11
                        (@metadata.code.branch_hint "\00")
                        br_if 5 (;@5;)
                      end
                      local.get 5
                      local.get 6
                      local.set 4
                      local.set 3
                      br 0 (;@9;)
                    end
                  end
                  local.get 0
                  local.get 4
                  i64.store
                  i32.const 0
                  return
                end
                local.get 0
                local.get 11
                i32.const 1
                i32.add
                i32.store offset=8
                br 2 (;@4;)
              end
              local.get 0
              local.get 11
              i32.const 1
              i32.add
              i32.store offset=8
              br 2 (;@3;)
            end
            local.get 0
            local.get 11
            i32.const 1
            i32.add
            i32.store offset=8
            br 2 (;@2;)
          end
          i64.const 0
          local.set 10
          local.get 0
          i32.load offset=24
          local.tee 8
          i32.const 24
          i32.add
          local.set 9
          local.get 8
          local.get 6
          i64.store offset=16
          local.get 8
          local.get 5
          i64.store offset=8
          local.get 8
          local.get 3
          i64.store
          br 2 (;@1;)
        end
        i64.const 1
        local.set 10
        local.get 0
        i32.load offset=24
        local.tee 8
        i32.const 24
        i32.add
        local.set 9
        local.get 8
        local.get 7
        i64.store offset=16
        local.get 8
        local.get 5
        i64.store offset=8
        local.get 8
        local.get 3
        i64.store
        br 1 (;@1;)
      end
      i64.const 2
      local.set 10
      local.get 0
      i32.load offset=24
      local.tee 8
      i32.const 16
      i32.add
      local.set 9
      local.get 8
      local.get 6
      i64.store offset=8
      local.get 8
      local.get 5
      i64.store
    end
    local.get 9
    local.get 10
    i64.store
    local.get 0
    local.get 9
    i32.const 8
    i32.add
    i32.store offset=24
    i32.const 1
    return
    unreachable
  )
)
