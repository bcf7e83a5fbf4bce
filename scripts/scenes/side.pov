// The side path between the house and the fence.
#version 3.7;
#include "lib.inc"
#include "figures.inc"
Daylight(<0.78,0.82,0.87>, <0.36,0.52,0.78>)
#if (PASS != 1)
  plane { y, 0 Surface(Grass) } box { <-1.4,-0.1,-14>, <8,0.02,2> Surface(Paving) }
  box { <1.35,0,-11.4>, <9,6,2> Surface(Brick) }
  object { Fence(120,1.9) rotate y*90 translate <-1.45,0,0.5> } object { Fence(60,1.8) translate <-1.4,0,-13.4> }
  object { Window(1.0,1.1,0.8) rotate y*90 translate <1.33,1.3,-5.2> }
  #for (i, 0, 1)
    union { box { <-0.3,0.1,-0.35>, <0.3,1,0.35> } box { <-0.33,1,-0.4>, <0.33,1.08,0.4> } box { <-0.36,0.94,-0.3>, <-0.33,1.02,0.3> } Paint((i ? <0.06,0.14,0.07> : <0.05,0.05,0.055>)) translate <0.95,0,-2.6-0.9*i> }
  #end
  cylinder { <1.3,0,-4.2>, <1.3,5,-4.2>, 0.05 Paint(0.4) }
  Lamp(<1.28,2.5,-7.2>, <1.3,0.85,0.45>*1.3, 1.8)
  TreeAt(<-1,0,-17>, 5, 1.9, 4, Green) TreeAt(<-5,0,-9>, 5.5, 2, 14, Dark)
  BushAt(<-1.15,0,-2.2>, 0.45, 5, Green) BushAt(<-1.15,0,-7>, 0.42, 25, Olive) BushAt(<-1.1,0,-11.8>, 0.6, 35, Green)
  object { House(12, 5, 6, 0.8) rotate y*150 translate <-14,0,-17> } TreeAt(<5,0,-17>, 6, 2.1, 54, Green) Hedge(<-16,0,-13>, <-3,0,-14>, 1.9, 8, Dark)
#end
Figure()
